// SPDX-License-Identifier: Apache-2.0
package dev.darien.examples.minilm;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** Languages of the texts. The corpus doesn't say them; a text's most frequent function words do. */
enum Language {
    DANISH("og", "det", "til", "ikke", "af", "jeg", "vi", "har", "med", "også", "hr", "må"),
    GERMAN("und", "die", "der", "das", "nicht", "wir", "ist", "ich", "den", "von", "auch", "für"),
    ENGLISH("the", "of", "and", "to", "that", "is", "we", "this", "for", "have", "are", "with"),
    SPANISH("el", "los", "las", "del", "una", "que", "por", "con", "señor", "y", "es", "más"),
    FINNISH("ja", "on", "että", "ei", "se", "olen", "myös", "ovat", "tämä", "herra", "sen", "joka"),
    FRENCH("les", "des", "est", "nous", "une", "dans", "pour", "je", "qui", "et", "vous", "aux"),
    ITALIAN("il", "di", "che", "della", "è", "per", "non", "gli", "sono", "signor", "più", "del"),
    DUTCH("het", "een", "van", "en", "dat", "niet", "zijn", "voor", "ik", "wij", "naar", "ook"),
    PORTUGUESE("o", "os", "não", "uma", "do", "da", "que", "em", "senhor", "são", "dos", "mais"),
    SWEDISH("och", "att", "det", "inte", "som", "är", "för", "jag", "vi", "har", "också", "detta");

    private static final int FEWEST = 4;

    private final Set<String> words;

    Language(String... words) {
        this.words = Set.of(words);
    }

    /** The language whose words are clearly the most; none if two are close. */
    static Optional<Language> of(String text) {
        List<String> words =
                Arrays.asList(text.toLowerCase(Locale.ROOT).split("[^\\p{L}]+"));
        int best = 0;
        int second = 0;
        Language likeliest = ENGLISH;
        for (Language language : values()) {
            int count = (int) words.stream().filter(language.words::contains).count();
            if (count > best) {
                second = best;
                best = count;
                likeliest = language;
            } else {
                second = Math.max(second, count);
            }
        }
        return best >= FEWEST && best >= 2 * second ? Optional.of(likeliest) : Optional.empty();
    }

    @Override
    public String toString() {
        return name().charAt(0) + name().substring(1).toLowerCase(Locale.ROOT);
    }
}
