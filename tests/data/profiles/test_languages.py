"""Languages by script and ordinary words: the mix of a stream, not a single short text."""

from __future__ import annotations

import pytest

from smallcraft.data.profiles.languages import language_of
from smallcraft.data.profiles.texts import words_of

TEXTS = {
    "en": "How can I change the address of my account?",
    "de": "Wie kann ich die Adresse von meinem Konto ändern?",
    "fr": "Je ne sais pas où est mon argent dans le compte",
    "es": "¿Por qué no está mi tarjeta en el correo?",
    "it": "Perché la mia carta non è ancora nella posta, come si fa?",
    "pt": "Não sei como mudar o endereço da minha conta",
    "nl": "Hoe kan ik het adres van mijn rekening veranderen?",
    "sv": "Hur kan jag ändra adressen för mitt konto?",
    "pl": "Jak mam zmienić adres? Proszę, to jest na moje konto",
    "tr": "Bu hesap için adres nasıl değişir, ne var?",
    "cyrillic": "Где мои деньги?",
    "greek": "Πού είναι τα χρήματά μου;",
    "arabic": "أين أموالي؟",
    "hebrew": "איפה הכסף שלי",
    "chinese": "我的钱在哪里？",
    "japanese": "お金はどこですか",
    "korean": "내 돈은 어디에 있나요?",
    "thai": "เงินของฉันอยู่ที่ไหน",
    "devanagari": "मेरा पैसा कहाँ है",
    "latin": "xqzt brrr wkwk",
    "none": "12:30 ?!",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_sentence_is_told_by_its_language_or_script(language):
    text = TEXTS[language]
    assert language_of(text, words_of(text)) == language


def test_a_few_foreign_letters_do_not_change_the_script():
    text = "the symbol π is what you want"
    assert language_of(text, words_of(text)) == "en"


def test_answer_does_not_depend_on_the_order_of_words():
    words = words_of(TEXTS["sv"])
    assert language_of(TEXTS["sv"], words[::-1]) == language_of(TEXTS["sv"], words)
