// SPDX-License-Identifier: Apache-2.0

/** Sparse autoencoders on the JVM: train, run and evaluate them on CPU or CUDA with one API. */
@SuppressWarnings(
        "requires-automatic") // ONNX Runtime and DJL have no descriptors; whoever doesn't use them needs neither
module dev.darien {
    requires com.fasterxml.jackson.databind;
    requires static ai.djl.tokenizers;
    requires static com.microsoft.onnxruntime;
    requires static info.picocli;
    requires static jdk.incubator.vector;
    requires static org.jspecify;

    exports dev.darien.data;
    exports dev.darien.device;
    exports dev.darien.ensemble;
    exports dev.darien.eval;
    exports dev.darien.interop;
    exports dev.darien.memory;
    exports dev.darien.model;
    exports dev.darien.prune;
    exports dev.darien.report;
    exports dev.darien.sae;
    exports dev.darien.train;

    opens dev.darien.cli to
            info.picocli;

    uses dev.darien.device.DeviceProvider;

    provides dev.darien.device.DeviceProvider with
            dev.darien.device.cpu.CpuDeviceProvider,
            dev.darien.device.cuda.CudaDeviceProvider;
}
