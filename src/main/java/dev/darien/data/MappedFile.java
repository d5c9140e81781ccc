// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.Closing;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A whole file as read-only memory, of any size. Nobody may make the file shorter while it is open: reading what isn't there
 * any more is an {@link InternalError} that speaks of a fault, as is a disk that fails; the JVM goes on.
 */
public final class MappedFile implements AutoCloseable {
    private final Path path;
    private final MemorySegment segment;
    private final Arena arena;
    private final AtomicBoolean closed = new AtomicBoolean();

    private MappedFile(Path path, MemorySegment segment, Arena arena) {
        this.path = path;
        this.segment = segment;
        this.arena = arena;
    }

    public static MappedFile open(Path path) {
        if (Files.isDirectory(path)) {
            throw new DataException(path + " is a folder where a file was expected; name the file in it");
        }
        // Opening a pipe would wait for a writer, and neither it nor a device can be mapped.
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw new DataException(path + " isn't a regular file; copy what it delivers into one");
        }
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            long size = channel.size();
            if (size == 0) {
                throw new DataException(path + " is empty; copy or download it again");
            }
            return new MappedFile(path, channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena), arena);
        } catch (IOException e) {
            arena.close();
            throw new DataException(path + " can't be read: " + reason(e) + "; check the path and its permissions", e);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /** What went wrong, without class names and without the path again. */
    public static String reason(IOException e) {
        return switch (e) {
            case NoSuchFileException missing -> "it doesn't exist";
            case AccessDeniedException denied -> "permission denied";
            // No guarded pattern: the formatter runs on an older Java.
            case FileSystemException other ->
                other.getReason() != null ? other.getReason() : String.valueOf(other.getMessage());
            default -> e.getMessage() == null ? "the system gave no reason" : e.getMessage();
        };
    }

    public Path path() {
        return path;
    }

    public long size() {
        return segment.byteSize();
    }

    /** The bytes; {@link IllegalStateException} after close. */
    public MemorySegment segment() {
        if (closed.get()) {
            throw new IllegalStateException(path + " is closed");
        }
        return segment;
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            Closing.whenFree(arena);
        }
    }
}
