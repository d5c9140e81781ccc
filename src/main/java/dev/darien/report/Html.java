// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

/** The page as it grows: elements with escaped text. */
final class Html {
    private final StringBuilder out = new StringBuilder();

    /** Markup of our own, as it is. */
    Html raw(String markup) {
        out.append(markup);
        return this;
    }

    /** An element on a line of its own; {@code kind} is its class, empty for none. */
    Html element(String element, String kind, String text) {
        out.append('<').append(element);
        if (!kind.isEmpty()) {
            out.append(" class=\"").append(kind).append('"');
        }
        out.append('>').append(Text.escape(text)).append("</").append(element).append(">\n");
        return this;
    }

    /** Text in its place. */
    Html text(String text) {
        out.append(Text.escape(text));
        return this;
    }

    /** A cell that is sorted by {@code value}, a number or a text. */
    Html cell(String value, String shown) {
        out.append("<td data-value=\"").append(Text.escape(value)).append("\">");
        return text(shown).raw("</td>");
    }

    /** A column's head, with a button that sorts. */
    Html head(String name, String sorted) {
        out.append("<th scope=\"col\" aria-sort=\"").append(sorted).append("\"><button type=\"button\">");
        return text(name).raw("</button></th>");
    }

    @Override
    public String toString() {
        return out.toString();
    }
}
