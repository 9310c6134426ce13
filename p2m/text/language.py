"""A small, careful guess at a text's language, `und` wherever it is not plain; languages' names."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from p2m.text.scripts import CHARACTERS

UNKNOWN, CODE = "und", "code"
PLAIN = 2  # different frequent words that make a language likely
SURE = 4  # ... and that make it safe to throw a text away

# Frequent words by language, ours.  A word may stand in several: a language wins only if it has
# twice the words of the next.
_FREQUENT = {
    "en": (
        "the of and to in is was for that with as are on this be by from at an it not have "
        "has which what how you after before next"
    ),
    "de": (
        "der die das und ist in nicht ein eine den dem von zu mit sich auf für im des wird "
        "sind auch wie ich sie wir oder nach aus kann"
    ),
    "fr": (
        "le la les des et est un une du dans pour que qui pas sur avec ce sont au par plus ne "
        "se il elle nous vous mais ou cette aux"
    ),
    "es": (
        "el la los las de que y en un una es por con para no se del al lo como más pero su "
        "sus este esta son está muy cuando hay también"
    ),
    "it": (
        "il lo la gli le di che e è un una per non con del della sono si da nel alla come più "
        "ma anche questo questa dei delle nella"
    ),
    "pt": (
        "o a os as de que e do da em um uma para com não por mais dos das como mas ao ele ela "
        "são você foi se na no também seu sua"
    ),
    "nl": (
        "de het een en van is dat niet in op te zijn met voor die er maar ook aan als wordt "
        "naar bij om ik je deze dit heeft worden"
    ),
    "sv": (
        "och att det är som en på för med av den inte till ett har om vi jag kan man från när "
        "så ska eller hur vid"
    ),
    "da": (
        "og at det er som en på for med af den ikke til et har om vi jeg kan man fra når så "
        "skal eller hvordan ved der de"
    ),
    "no": (
        "og at det er som en på for med av den ikke til et har om vi jeg kan man fra når så "
        "skal eller hvordan ved der de"
    ),
    "fi": (
        "ja on ei se että oli ovat mutta kun niin tai myös joka ole mitä hän minä sinä tämä "
        "kuin jos voi ollut kanssa"
    ),
    "pl": (
        "i w nie na się jest że do z to jak co ale dla od po czy są przez tym był tak może "
        "tego oraz"
    ),
    "cs": (
        "a je se na to že v s ale jako za si jsou pro byl který nebo tak ve by není co jak "
        "když jsem"
    ),
    "ro": ("și în de la este nu pe un o cu care să din pentru că mai sunt ce dar au fi acest prin"),
    "hu": (
        "a az és hogy nem is egy van ez meg csak de mint volt már ha vagy még lesz kell ki azt el"
    ),
    "tr": (
        "ve bir bu için ile de da ne çok olarak daha gibi var olan değil ama en kadar sonra mi her"
    ),
    "id": (
        "yang dan di dari ini untuk dengan tidak itu pada adalah ke akan dalam oleh saya anda "
        "atau juga bisa"
    ),
    "vi": "và là của có không được cho một những các này trong với người đã khi từ để như tôi",
}
_LANGUAGE_OF_SCRIPT = {  # those that share a script are told apart below
    "Greek": "el",
    "Hebrew": "he",
    "Armenian": "hy",
    "Georgian": "ka",
    "Thai": "th",
    "Bengali": "bn",
    "Gujarati": "gu",
    "Tamil": "ta",
    "Telugu": "te",
    "Kannada": "kn",
    "Malayalam": "ml",
    "Hangul": "ko",
}
_TELLING = {  # letters that only one language of a script has
    "Cyrillic": {"uk": "іїєґ", "be": "ў", "sr": "ђћљњј", "mk": "ѓќѕ", "ru": "ыэё"},
    "Arabic": {"ur": "ٹڈڑںے", "fa": "پچژگ"},
}
_FREQUENT_IN = {
    "Cyrillic": {
        "ru": "что это как для или он она был его по из также когда",
        "bg": "е се за от да са ще това като които или със",
    },
    "Devanagari": {
        "hi": "है हैं का की के में से और को यह",
        "mr": "आहे आणि हे च्या ते आहेत",
        "ne": "छ हो र को मा छन् यो",
    },
}
_WORD = re.compile(r"[^\W\d_]+")
_CODE = re.compile(
    r"""^\s*(?:def|class|import|from|return|for|while|if|elif|with|try|print|func|function|const|let
        |var|public|private|static|void|\#include|package|fn)\b.*[:;{(]
    | ^\s*[A-Za-z_][\w.\[\]'"]*\s*(?:[-+*/]?=(?!=))\s*\S+[\w)\]'"}]\s*;?\s*$   # x = f(y)
    | ^\s*[A-Za-z_][\w.]*\(.*\)\s*;?\s*$                  # f(x), whole line
    | \w\.[a-z_]\w*\( | ^\s*SELECT\b.+\bFROM\b             # a.b(, SQL
    | ;\s*$ | ^\s*</?\w+[^>]*>                            # a line's end of C's family, a tag
    """,
    re.VERBOSE | re.MULTILINE,
)
_NAMES = """
af:Afrikaans am:Amharic ar:Arabic az:Azerbaijani be:Belarusian bg:Bulgarian bn:Bengali bs:Bosnian
ca:Catalan cs:Czech cy:Welsh da:Danish de:German el:Greek en:English es:Spanish et:Estonian
eu:Basque fa:Persian fi:Finnish fr:French ga:Irish gl:Galician gu:Gujarati ha:Hausa he:Hebrew
hi:Hindi hr:Croatian hu:Hungarian hy:Armenian id:Indonesian ig:Igbo is:Icelandic it:Italian
ja:Japanese jv:Javanese ka:Georgian kk:Kazakh km:Khmer kn:Kannada ko:Korean ku:Kurdish ky:Kyrgyz
la:Latin lo:Lao lt:Lithuanian lv:Latvian mg:Malagasy mk:Macedonian ml:Malayalam mn:Mongolian
mr:Marathi ms:Malay mt:Maltese my:Burmese ne:Nepali nl:Dutch no:Norwegian pa:Punjabi pl:Polish
ps:Pashto pt:Portuguese ro:Romanian ru:Russian sd:Sindhi si:Sinhala sk:Slovak sl:Slovenian
so:Somali sq:Albanian sr:Serbian su:Sundanese sv:Swedish sw:Swahili ta:Tamil te:Telugu tg:Tajik
th:Thai tl:Tagalog tr:Turkish tt:Tatar ug:Uyghur uk:Ukrainian ur:Urdu uz:Uzbek vi:Vietnamese
xh:Xhosa yi:Yiddish yo:Yoruba zh:Chinese zu:Zulu
"""
_ENGLISH_NAMES = dict(pair.split(":") for pair in _NAMES.split())
_MANY = 12  # languages; a card that lists more is about no one of them


def _languages_by_word(frequent: dict[str, str]) -> dict[str, list[str]]:
    languages: dict[str, list[str]] = {}
    for language, words in frequent.items():
        for word in words.split():
            languages.setdefault(word, []).append(language)
    return languages


_BY_WORD = _languages_by_word(_FREQUENT)
_BY_WORD_IN = {script: _languages_by_word(frequent) for script, frequent in _FREQUENT_IN.items()}
_COUNTED = [*_LANGUAGE_OF_SCRIPT, *_FREQUENT_IN, "Arabic", "Kana", "Han"]
_LETTERS = {script: re.compile(f"[{CHARACTERS[script]}]") for script in _COUNTED}


def language_of(text: str, least: int = PLAIN) -> str:
    """ISO 639-1 code, `code` for program text, or `und`.

    least: frequent words that must be met where the script does not decide.
    """
    if not text.isascii():
        language = _by_script(text, least)
        if language:
            return language
    if _CODE.search(text) and _by_words(text, _BY_WORD, SURE) == UNKNOWN:
        return CODE  # the second question because "for a in b" has frequent words too
    return _by_words(text, _BY_WORD, least)


def common_language(texts: Iterable[str]) -> str:
    """The language that the texts share; `und` if they differ or none is plain."""
    texts = list(texts)
    languages = {language_of(text) for text in texts} - {UNKNOWN}
    if not languages:
        return language_of("\n".join(texts))
    return languages.pop() if len(languages) == 1 else UNKNOWN


def _by_script(text: str, least: int) -> str | None:
    """None for Latin text, whose words must decide."""
    letters = sum(len(word) for word in _WORD.findall(text))
    counts = {script: len(pattern.findall(text)) for script, pattern in _LETTERS.items()}
    kana, han = counts["Kana"], counts["Han"]
    if kana >= 2 and 2 * (kana + han) >= letters - kana:
        return "ja"
    script = max(counts, key=lambda name: counts[name])
    n = counts[script]
    if n == 0 or 2 * n < letters:
        return UNKNOWN if 5 * n > letters else None
    return _LANGUAGE_OF_SCRIPT.get(script) or _within(script, text, least)


def _within(script: str, text: str, least: int) -> str:
    """The language of a text in a script that several share."""
    if script == "Han":  # a few Chinese characters may as well be Japanese
        return "zh" if len(_LETTERS["Han"].findall(text)) >= 8 else UNKNOWN
    lower = text.lower()
    for language, letters in _TELLING.get(script, {}).items():
        if any(letter in lower for letter in letters):
            return language
    if script == "Arabic":  # the script's other languages show a letter of theirs in most sentences
        return "ar" if len(text) >= 20 else UNKNOWN
    return _by_words(text, _BY_WORD_IN.get(script, {}), least)


def _by_words(text: str, languages: dict[str, list[str]], least: int) -> str:
    """The language with *least* different frequent words or more, and twice those of any other."""
    hits: Counter[str] = Counter()
    for word in set(_WORD.findall(text.lower())):
        hits.update(languages.get(word, ()))
    ranking = hits.most_common(2)
    if not ranking:
        return UNKNOWN
    best, n = ranking[0]
    second = ranking[1][1] if len(ranking) == 2 else 0
    return best if n >= least and n >= 2 * second else UNKNOWN


def language_names(codes: Sequence[str]) -> list[str]:
    """English names of ISO 639 codes, as cards hold codes where prompts say "German".

    Unknown ones stay; a long list is `multilingual`.
    """
    if len(codes) > _MANY:
        return ["multilingual"]
    return [_ENGLISH_NAMES.get(code, code) for code in codes]
