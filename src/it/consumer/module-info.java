// SPDX-License-Identifier: Apache-2.0

/** A project that uses Darien. Compiled and run by ConsumerProjectTest, on the class path without this file. */
module consumer {
    requires dev.darien;
}
