// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Locale;
import org.junit.jupiter.api.Test;

class TextTest {
    @Test
    void numbersHaveTheirSignificantDigits() {
        assertThat(Text.number(0.0123456, 3)).isEqualTo("0.0123");
        assertThat(Text.number(1234.56, 3)).isEqualTo("1,235");
        assertThat(Text.number(999.96, 4)).isEqualTo("1,000");
        assertThat(Text.number(-2.5, 3)).isEqualTo("−2.5");
        assertThat(Text.number(0, 3)).isEqualTo("0");
        assertThat(Text.number(1.2345e-7, 3)).isEqualTo("1.23 × 10⁻⁷");
        assertThat(Text.number(9.999e12, 3)).isEqualTo("1 × 10¹³");
        assertThat(Text.number(Double.NaN, 3)).isEqualTo("–");
        assertThat(Text.number(Double.POSITIVE_INFINITY, 3)).isEqualTo("∞");
    }

    @Test
    void largeNumbersAndSharesAndTimesAreShort() {
        assertThat(Text.compact(3_072_000)).isEqualTo("3.07\u202fM");
        assertThat(Text.compact(999_999)).isEqualTo("1\u202fM");
        assertThat(Text.compact(9999)).isEqualTo("9,999");
        assertThat(Text.percent(0.12345)).isEqualTo("12.3\u202f%");
        assertThat(Text.percent(0.001)).isEqualTo("0.1\u202f%");
        assertThat(Text.percent(0)).isEqualTo("0\u202f%");
        assertThat(Text.duration(75.3)).isEqualTo("1 min 15 s");
        assertThat(Text.duration(7322)).isEqualTo("2 h 2 min");
        assertThat(Text.duration(Double.NaN)).isEqualTo("–");
    }

    @Test
    void keysBecomeWords() {
        assertThat(Text.name("dead_fraction")).isEqualTo("dead fraction");
        assertThat(Text.name("deadAfterTokens")).isEqualTo("dead after tokens");
        assertThat(Text.name("targetL0")).isEqualTo("target L0");
        assertThat(Text.name("fvu")).isEqualTo("FVU");
    }

    @Test
    void theReadersLanguageChangesNothing() {
        Locale before = Locale.getDefault();
        try {
            Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));

            assertThat(Text.number(1234.5, 6)).isEqualTo("1,234.5");
            assertThat(Text.value(12_345)).isEqualTo("12,345");
        } finally {
            Locale.setDefault(before);
        }
    }
}
