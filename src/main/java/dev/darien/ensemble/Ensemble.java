// SPDX-License-Identifier: Apache-2.0
package dev.darien.ensemble;

import dev.darien.device.Device;
import dev.darien.memory.Closing;
import dev.darien.memory.Matrix;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.Inference;
import dev.darien.sae.Mapping;
import dev.darien.sae.RowNormalization;
import dev.darien.sae.Sae;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Several SAEs that stand for one (Gadgil et al. 2025, section 3). Its latents are those of its members one after the other:
 * the decoder is theirs stacked, the codes are α times theirs side by side, the bias is {@code Σ α·b_dec}, with α = 1/J for
 * bagging and 1 for boosting, so that the codes decode to the ensemble's output (proposition 3.1).
 *
 * <p>Close it before its device; it closes its members. Not for several threads at once.
 */
public final class Ensemble implements Autoencoder {
    private final EnsembleKind kind;
    private final List<Sae> members;
    private final Matrix decoder;
    private final Matrix decoderBias;

    private Ensemble(EnsembleKind kind, List<Sae> members, Matrix decoder, Matrix decoderBias) {
        this.kind = kind;
        this.members = members;
        this.decoder = decoder;
        this.decoderBias = decoderBias;
    }

    /**
     * Takes ownership of {@code members}, unless it throws.
     *
     * @throws IllegalArgumentException if there are none, they differ in width or device, or one of them normalises each
     *     activation vector; says which
     */
    public static Ensemble of(EnsembleKind kind, List<Sae> members) {
        if (members.isEmpty()) {
            throw new IllegalArgumentException("an ensemble needs at least 1 member");
        }
        Sae first = members.getFirst();
        for (int at = 0; at < members.size(); at++) {
            Sae member = members.get(at);
            if (member.width() != first.width()) {
                throw new IllegalArgumentException("member 0 is of width " + first.width() + ", but member " + at
                        + " of width " + member.width() + "; all members of an ensemble take the same activations");
            }
            if (member.device() != first.device()) {
                throw new IllegalArgumentException("the members of an ensemble must be on one device");
            }
            if (!(member.mapping() instanceof Mapping.Identity)) {
                throw new IllegalArgumentException(
                        "member " + at + " is a " + member.mapping() + "; ensembles are of autoencoders");
            }
            if (member.normalization() != RowNormalization.NONE) {
                throw new IllegalArgumentException("member " + at + " normalises each activation vector ("
                        + member.normalization().id() + "), so that its codes can't be added to those of others");
            }
        }
        Device device = first.device();
        int latents = Math.toIntExact(members.stream().mapToLong(Sae::latents).sum());
        List<Matrix> made = new ArrayList<>();
        try {
            Matrix decoder = device.memory().matrix("ensemble's decoder", latents, first.width());
            made.add(decoder);
            Matrix bias = device.memory().vector("ensemble's decoder bias", first.width());
            made.add(bias);
            int at = 0;
            for (Sae member : members) {
                device.kernels().convert(member.decoder(), 1, null, decoder.slice(at, member.latents()));
                device.kernels().weightedRowSum(null, member.decoderBias(), kind.weight(members.size()), at > 0, bias);
                at += member.latents();
            }
            return new Ensemble(kind, List.copyOf(members), decoder, bias);
        } catch (RuntimeException | Error e) {
            made.forEach(matrix -> Closing.after(e, matrix));
            throw e;
        }
    }

    /**
     * Reads an ensemble from a folder that {@link #save} or {@code darien train} wrote.
     *
     * @throws dev.darien.data.DataException if the folder holds none, or a member is missing or doesn't fit; says which
     */
    public static Ensemble load(Path folder, Device device) {
        return EnsembleFolder.load(folder, device);
    }

    /** Whether {@code folder} says that it holds an ensemble. */
    public static boolean isEnsemble(Path folder) {
        return EnsembleFolder.isEnsemble(folder);
    }

    /**
     * Writes each member into {@code member-0}, {@code member-1}, …, then {@code darien.json}, which makes the folder an
     * ensemble.
     *
     * @throws dev.darien.data.DataException if it can't be written
     */
    public void save(Path folder) {
        EnsembleFolder.save(this, folder);
    }

    /** The same ensemble of {@code changed}, its members with other rules. The weights are shared: close only one of the two. */
    public Ensemble with(List<Sae> changed) {
        return new Ensemble(kind, List.copyOf(changed), decoder, decoderBias);
    }

    /**
     * One SAE with the same codes and output, as far as there is one: of a single member, and of a bagging of members whose
     * rule looks at each latent for itself. The caller closes it.
     *
     * @throws IllegalStateException if there is none; says why
     */
    public Sae toSae() {
        return SingleSae.of(this);
    }

    /** How its members stand together. */
    public EnsembleKind kind() {
        return kind;
    }

    @Override
    public List<Sae> members() {
        return members;
    }

    @Override
    public Device device() {
        return members.getFirst().device();
    }

    @Override
    public int latents() {
        return decoder.intRows();
    }

    @Override
    public int width() {
        return decoder.columns();
    }

    @Override
    public Matrix decoder() {
        return decoder;
    }

    @Override
    public Matrix decoderBias() {
        return decoderBias;
    }

    @Override
    public RowNormalization normalization() {
        return RowNormalization.NONE;
    }

    @Override
    public Inference inference(int maxRows) {
        return new EnsembleInference(this, maxRows);
    }

    @Override
    public void close() {
        List<AutoCloseable> all = new ArrayList<>(members);
        all.add(decoder);
        all.add(decoderBias);
        Closing.all(all);
    }
}
