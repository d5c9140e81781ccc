// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import java.util.ArrayList;
import java.util.List;

/**
 * A tensor as a graph declares it.
 *
 * @param type ONNX's number of the element type; 0 if it isn't said
 * @param sizes sizes of the dimensions, -1 where it is open
 * @param symbols names of open sizes, empty where there is none
 * @param ranked whether the number of dimensions is known
 */
record OnnxType(String name, int type, List<Long> sizes, List<String> symbols, boolean ranked) {
    static final int FLOAT = 1;
    static final int INT32 = 6;
    static final int INT64 = 7;

    private static final int NAME = 1;
    private static final int TYPE = 2;
    private static final int TENSOR_TYPE = 1;
    private static final int ELEMENT = 1;
    private static final int SHAPE = 2;
    private static final int DIM = 1;
    private static final int DIM_VALUE = 1;
    private static final int DIM_PARAM = 2;

    static OnnxType read(ProtoReader value) {
        String name = "";
        OnnxType typed = new OnnxType("", 0, List.of(), List.of(), false);
        while (value.next()) {
            switch (value.field()) {
                case NAME -> name = value.string();
                case TYPE -> {
                    ProtoReader type = value.message();
                    while (type.next()) {
                        if (type.field() == TENSOR_TYPE) {
                            typed = tensorType(type.message());
                        }
                    }
                }
                default -> {}
            }
        }
        return new OnnxType(name, typed.type, typed.sizes, typed.symbols, typed.ranked);
    }

    private static OnnxType tensorType(ProtoReader tensor) {
        int type = 0;
        boolean ranked = false;
        List<Long> sizes = new ArrayList<>();
        List<String> symbols = new ArrayList<>();
        while (tensor.next()) {
            switch (tensor.field()) {
                case ELEMENT -> type = (int) tensor.number();
                case SHAPE -> {
                    ranked = true;
                    ProtoReader shape = tensor.message();
                    while (shape.next()) {
                        if (shape.field() == DIM) {
                            dimension(shape.message(), sizes, symbols);
                        }
                    }
                }
                default -> {}
            }
        }
        return new OnnxType("", type, List.copyOf(sizes), List.copyOf(symbols), ranked);
    }

    private static void dimension(ProtoReader dimension, List<Long> sizes, List<String> symbols) {
        long size = -1;
        String symbol = "";
        while (dimension.next()) {
            switch (dimension.field()) {
                case DIM_VALUE -> size = dimension.number();
                case DIM_PARAM -> symbol = dimension.string();
                default -> {}
            }
        }
        sizes.add(size);
        symbols.add(symbol);
    }

    /** Element type as safetensors names it, or ONNX's number. */
    String dtype() {
        return switch (type) {
            case FLOAT -> "F32";
            case 2 -> "U8";
            case 3 -> "I8";
            case 5 -> "I16";
            case INT32 -> "I32";
            case INT64 -> "I64";
            case 9 -> "BOOL";
            case 10 -> "F16";
            case 11 -> "F64";
            case 16 -> "BF16";
            case 0 -> "?";
            default -> "type " + type;
        };
    }

    /** Sizes with the names of the open ones. */
    List<String> shape() {
        List<String> shape = new ArrayList<>();
        for (int i = 0; i < sizes.size(); i++) {
            String symbol = symbols.get(i);
            shape.add(sizes.get(i) >= 0 ? String.valueOf(sizes.get(i)) : symbol.isEmpty() ? "?" : symbol);
        }
        return shape;
    }

    /** This as a field of a graph's inputs or outputs. */
    ProtoWriter toMessage() {
        ProtoWriter tensor = new ProtoWriter();
        if (type != 0) {
            tensor.number(ELEMENT, type);
        }
        if (ranked) {
            ProtoWriter shape = new ProtoWriter();
            for (int i = 0; i < sizes.size(); i++) {
                ProtoWriter dimension = new ProtoWriter();
                if (sizes.get(i) >= 0) {
                    dimension.number(DIM_VALUE, sizes.get(i));
                } else if (!symbols.get(i).isEmpty()) {
                    dimension.string(DIM_PARAM, symbols.get(i));
                }
                shape.message(DIM, dimension);
            }
            tensor.message(SHAPE, shape);
        }
        ProtoWriter value = new ProtoWriter().string(NAME, name);
        return type == 0 ? value : value.message(TYPE, new ProtoWriter().message(TENSOR_TYPE, tensor));
    }
}
