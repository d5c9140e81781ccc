// SPDX-License-Identifier: Apache-2.0
/**
 * Downstream models: ONNX files are opened, cut at a tensor, run up to it on text, and run on from it with something
 * else in its place. Running one needs ONNX Runtime, and text needs DJL's tokenizers, both optional dependencies;
 * looking at a file needs neither.
 */
@NullMarked
package dev.darien.model;

import org.jspecify.annotations.NullMarked;
