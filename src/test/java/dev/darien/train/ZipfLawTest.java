// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ZipfLawTest {
    private static final int BATCH = 4096;
    private static final int LATENTS = 24576;

    /** methods.md, section 1.3: B = 4096, k = 32, F = 24576. */
    @Test
    void budgetsOfKnownLaws() {
        double[] zipf = new ZipfLaw(1, 0).rates(LATENTS, 32, 0, 32);
        assertThat(BATCH * zipf[0]).isCloseTo(12265, within(1.0));
        assertThat(Arrays.stream(zipf).filter(rate -> rate > 1).count()).isEqualTo(2);
        double share = Arrays.stream(zipf).filter(rate -> BATCH * rate < 1).count() / (double) LATENTS;
        assertThat(share).isBetween(0.48, 0.52);
        double[] flatter = new ZipfLaw(0.8, 0).rates(LATENTS, 32, 0, 32);
        assertThat(BATCH * flatter[0]).isCloseTo(3933, within(1.0));
        assertThat(BATCH * flatter[LATENTS - 1]).isCloseTo(1.2, within(0.05));
    }

    @Test
    void whatIsCutOffGoesToTheOthers() {
        double[] rates = new ZipfLaw(1.2, 0).rates(LATENTS, 32, 1.0 / BATCH, 0.5);
        assertThat(Arrays.stream(rates).sum()).isCloseTo(32, within(1e-6));
        assertThat(rates[0]).isEqualTo(0.5);
        assertThat(rates[LATENTS - 1]).isEqualTo(1.0 / BATCH);
        for (int rank = 1; rank < rates.length; rank++) {
            assertThat(rates[rank]).isLessThanOrEqualTo(rates[rank - 1]);
        }
    }

    @Test
    void findsTheLawThatRatesFollow() {
        for (ZipfLaw law : new ZipfLaw[] {new ZipfLaw(1.37, 5), new ZipfLaw(0.8, 0), new ZipfLaw(1, 100)}) {
            ZipfLaw found = ZipfLaw.fit(law.rates(1000, 4, 0, 1));
            assertThat(found.exponent()).isCloseTo(law.exponent(), within(1e-6));
            assertThat(found.offset()).isEqualTo(law.offset());
        }
    }

    /** A trained dictionary's lowest ranks fall below the law: they have no say. */
    @Test
    void theLowestRanksArentFitted() {
        double[] rates = new ZipfLaw(1, 2).rates(1000, 4, 0, 1);
        Arrays.fill(rates, 850, 1000, 0);
        assertThat(ZipfLaw.fit(rates).exponent()).isCloseTo(1, within(1e-6));
        assertThat(ZipfLaw.fit(new double[50])).isEqualTo(new ZipfLaw(1, 0));
    }

    @Test
    void budgetsThatCantBeMetAreRefused() {
        assertThatThrownBy(() -> new ZipfLaw(1, 0).rates(10, 8, 0, 0.5))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("budgets can't be met");
        assertThatThrownBy(() -> new ZipfLaw(1, 0).rates(100, 1, 0.5, 1)).hasMessageContaining("can't add up to 1");
        assertThatThrownBy(() -> new ZipfLaw(-1, 0)).isInstanceOf(IllegalArgumentException.class);
    }
}
