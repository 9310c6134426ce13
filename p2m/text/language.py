"""A small, careful guess at a text's language: by script, then by frequent words.  `und` wherever it is not plain."""

import re
from collections import Counter
from collections.abc import Iterable

UNKNOWN, CODE = "und", "code"
PLAIN = 2  # different frequent words that make a language likely
SURE = 4  # ... and that make it safe to throw a text away

# Frequent words by language, ours.  A word may stand in several: a language wins only if it has twice the words of the next.
_FREQUENT = {
    "en": "the of and to in is was for that with as are on this be by from at an it not have has which what how you after before next",
    "de": "der die das und ist in nicht ein eine den dem von zu mit sich auf für im des wird sind auch wie ich sie wir oder nach aus kann",
    "fr": "le la les des et est un une du dans pour que qui pas sur avec ce sont au par plus ne se il elle nous vous mais ou cette aux",
    "es": "el la los las de que y en un una es por con para no se del al lo como más pero su sus este esta son está muy cuando hay también",
    "it": "il lo la gli le di che e è un una per non con del della sono si da nel alla come più ma anche questo questa dei delle nella",
    "pt": "o a os as de que e do da em um uma para com não por mais dos das como mas ao ele ela são você foi se na no também seu sua",
    "nl": "de het een en van is dat niet in op te zijn met voor die er maar ook aan als wordt naar bij om ik je deze dit heeft worden",
    "sv": "och att det är som en på för med av den inte till ett har om vi jag kan man från när så ska eller hur vid",
    "da": "og at det er som en på for med af den ikke til et har om vi jeg kan man fra når så skal eller hvordan ved der de",
    "no": "og at det er som en på for med av den ikke til et har om vi jeg kan man fra når så skal eller hvordan ved der de",
    "fi": "ja on ei se että oli ovat mutta kun niin tai myös joka ole mitä hän minä sinä tämä kuin jos voi ollut kanssa",
    "pl": "i w nie na się jest że do z to jak co ale dla od po czy są przez tym był tak może tego oraz",
    "cs": "a je se na to že v s ale jako za si jsou pro byl který nebo tak ve by není co jak když jsem",
    "ro": "și în de la este nu pe un o cu care să din pentru că mai sunt ce dar au fi acest prin",
    "hu": "a az és hogy nem is egy van ez meg csak de mint volt már ha vagy még lesz kell ki azt el",
    "tr": "ve bir bu için ile de da ne çok olarak daha gibi var olan değil ama en kadar sonra mi her",
    "id": "yang dan di dari ini untuk dengan tidak itu pada adalah ke akan dalam oleh saya anda atau juga bisa",
    "vi": "và là của có không được cho một những các này trong với người đã khi từ để như tôi",
}
_SCRIPTS = {  # one language each; those that share a script are told apart below
    "el": "\u0370-\u03ff", "he": "\u0590-\u05ff", "hy": "\u0530-\u058f", "ka": "\u10a0-\u10ff", "th": "\u0e00-\u0e7f",
    "bn": "\u0980-\u09ff", "gu": "\u0a80-\u0aff", "ta": "\u0b80-\u0bff", "te": "\u0c00-\u0c7f", "kn": "\u0c80-\u0cff",
    "ml": "\u0d00-\u0d7f", "ko": "\u1100-\u11ff\uac00-\ud7af",
    "cyrillic": "\u0400-\u04ff", "arabic": "\u0600-\u06ff", "devanagari": "\u0900-\u097f", "kana": "\u3040-\u30ff", "han": "\u4e00-\u9fff",
}  # fmt: skip
_TELLING = {  # letters that only one language of a script has
    "cyrillic": {"uk": "іїєґ", "be": "ў", "sr": "ђћљњј", "mk": "ѓќѕ", "ru": "ыэё"},
    "arabic": {"ur": "ٹڈڑںے", "fa": "پچژگ"},
}
_IN_SCRIPT = {
    "cyrillic": {
        "ru": "что это как для или он она был его по из также когда",
        "bg": "е се за от да са ще това като които или със",
    },
    "arabic": {"ar": "في من على إلى أن هذا التي ما هو هل كان مع عن"},
    "devanagari": {
        "hi": "है हैं का की के में से और को यह",
        "mr": "आहे आणि हे च्या ते आहेत",
        "ne": "छ हो र को मा छन् यो",
    },
}
_SCRIPT = {name: re.compile(f"[{chars}]") for name, chars in _SCRIPTS.items()}
_WORD = re.compile(r"[^\W\d_]+")
_LANGUAGES_OF: dict[str, list[str]] = {}
for _language, _words in _FREQUENT.items():
    for _word in _words.split():
        _LANGUAGES_OF.setdefault(_word, []).append(_language)

_CODE = re.compile(
    r"""^\s*(?:def|class|import|from|return|for|while|if|elif|with|try|print|func|function|const|let|var|public|private|static|void|\#include|package|fn)\b.*[:;{(]
    | ^\s*[A-Za-z_][\w.\[\]'"]*\s*(?:[-+*/]?=(?!=))\s*\S+[\w)\]'"}]\s*;?\s*$      # x = f(y)
    | ^\s*[A-Za-z_][\w.]*\(.*\)\s*;?\s*$                                          # f(x), whole line
    | \w\.[a-z_]\w*\( | ^\s*SELECT\b.+\bFROM\b | ;\s*$ | ^\s*</?\w+[^>]*>         # a.b(, SQL, a line's end of C's family, a tag
    """,
    re.VERBOSE | re.MULTILINE,
)


def language_of(text: str, least: int = PLAIN) -> str:
    """ISO 639-1 code, `code` for program text, or `und`.  least: frequent words that must be met where the script does not decide."""
    if not text.isascii() and (found := _by_script(text, least)):
        return found
    if (
        _CODE.search(text) and _by_words(text, _LANGUAGES_OF, SURE) == UNKNOWN
    ):  # "for a in b" has frequent words too
        return CODE
    return _by_words(text, _LANGUAGES_OF, least)


def common_language(texts: Iterable[str]) -> str:
    """The language that the texts share; `und` if they differ or none is plain."""
    said = list(texts)
    guesses = {guess for text in said if (guess := language_of(text)) != UNKNOWN}
    if len(guesses) == 1:
        return guesses.pop()
    return UNKNOWN if guesses else language_of("\n".join(said))


def _by_script(text: str, least: int) -> str | None:
    """None for Latin text, whose words must decide."""
    letters = sum(len(word) for word in _WORD.findall(text))
    counts = {name: len(pattern.findall(text)) for name, pattern in _SCRIPT.items()}
    script = max(counts, key=lambda name: counts[name])
    if counts["kana"] >= 2 and 2 * (counts["kana"] + counts["han"]) >= letters - counts["kana"]:
        return "ja"
    if 2 * counts[script] < letters or not counts[script]:
        return UNKNOWN if 5 * counts[script] > letters else None
    if script == "han":
        return (
            "zh" if counts["han"] >= 8 else UNKNOWN
        )  # a few Chinese characters may as well be Japanese
    return script if script not in _IN_SCRIPT else _within(script, text, least)


def _within(script: str, text: str, least: int) -> str:
    for language, letters in _TELLING.get(script, {}).items():
        if any(letter in text.lower() for letter in letters):
            return language
    if (
        script == "arabic"
    ):  # the other languages of the script use its further letters in nearly every sentence
        return "ar" if len(text) >= 20 else UNKNOWN
    table: dict[str, list[str]] = {}
    for language, words in _IN_SCRIPT[script].items():
        for word in words.split():
            table.setdefault(word, []).append(language)
    return _by_words(text, table, least)


def _by_words(text: str, languages_of: dict[str, list[str]], least: int) -> str:
    """The language with at least *least* different frequent words in the text and twice as many as any other."""
    hits: Counter[str] = Counter()
    for word in set(_WORD.findall(text.lower())):
        hits.update(languages_of.get(word, ()))
    (best, n), (_, second) = (*hits.most_common(2), ("", 0), ("", 0))[:2]
    return best if n >= least and n >= 2 * second else UNKNOWN
