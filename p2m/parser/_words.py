"""The words that prompts mark their parts with, in the languages that are known."""

import re

# what stands before the colon of a demonstration's input, and before that of its output
_SIDES = {
    "en": ("inputs?", "(?:expected |desired )?outputs?"),
    "ar": ("(?:ال)?مدخل(?:ات)?|(?:ال)?إدخال", "(?:ال)?مخرج(?:ات)?|(?:ال)?إخراج"),
    "bg": ("вход", "изход"),
    "bn": ("ইনপুট", "আউটপুট"),
    "ca": ("entrada", "sortida"),
    "cs": ("vstup", "výstup"),
    "da": ("input", "output|uddata"),
    "de": ("eingaben?", "ausgaben?"),
    "el": ("είσοδος", "έξοδος"),
    "es": ("entrada", "salida"),
    "fa": ("ورودی", "خروجی"),
    "fi": ("syöte", "tuloste|tulos"),
    "fr": ("entrées?", "sorties?"),
    "he": ("קלט", "פלט"),
    "hi": ("इनपुट|आगत", "आउटपुट|निर्गत"),
    "hu": ("bemenet", "kimenet"),
    "id": ("masukan", "keluaran"),
    "it": ("ingresso", "uscita"),
    "ja": ("入力", "出力"),
    "ko": ("입력", "출력"),
    "nl": ("invoer", "uitvoer"),
    "no": ("inndata", "utdata"),
    "pl": ("wejście", "wyjście"),
    "pt": ("entrada", "saída"),
    "ro": ("intrare", "ieșire"),
    "ru": ("ввод|вход|входные данные", "вывод|выход|выходные данные"),
    "sr": ("улаз", "излаз"),
    "sv": ("indata", "utdata"),
    "ta": ("உள்ளீடு", "வெளியீடு"),
    "th": ("อินพุต|ข้อมูลเข้า", "เอาต์พุต|ข้อมูลออก"),
    "tr": ("girdi|giriş", "çıktı|çıkış"),
    "uk": ("ввід|вхід", "вивід|вихід"),
    "ur": ("ان پٹ", "آؤٹ پٹ"),
    "vi": ("đầu vào", "đầu ra"),
    "zh": ("输入|輸入", "输出|輸出"),
}
_QUESTIONS = {
    "en": ("questions?", "answers?"),
    "ar": ("(?:ال)?سؤال", "(?:ال)?جواب|(?:ال)?إجابة"),
    "de": ("frage", "antwort"),
    "el": ("ερώτηση", "απάντηση"),
    "es": ("pregunta", "respuesta"),
    "fa": ("پرسش", "پاسخ"),
    "fr": ("question", "réponse"),
    "he": ("שאלה", "תשובה"),
    "hi": ("प्रश्न|सवाल", "उत्तर|जवाब"),
    "id": ("pertanyaan", "jawaban"),
    "it": ("domanda", "risposta"),
    "ja": ("質問|問題|問い?", "回答|解答|答え?"),
    "ko": ("질문|문제", "답변|대답|정답|답"),
    "nl": ("vraag", "antwoord"),
    "pl": ("pytanie", "odpowiedź"),
    "pt": ("pergunta", "resposta"),
    "ru": ("вопрос", "ответ"),
    "sv": ("fråga", "svar"),
    "th": ("คำถาม", "คำตอบ"),
    "tr": ("soru", "cevap|yanıt"),
    "uk": ("питання|запитання", "відповідь"),
    "vi": ("câu hỏi|hỏi", "câu trả lời|trả lời|đáp"),
    "zh": ("问题|問題|问|問", "回答|答案|答"),
}


def _any(sides: dict[str, tuple[str, str]], side: int) -> str:
    return "(?:" + "|".join(words[side] for words in sides.values()) + ")"


INPUT, OUTPUT = _any(_SIDES, 0), _any(_SIDES, 1)
QUESTION, ANSWER = _any(_QUESTIONS, 0), _any(_QUESTIONS, 1)
# words that a prompt may mark the two sides with, or may use otherwise
SOURCE = (
    "(?:texts?|sentences?|reviews?|tweets?|messages?|comments?|documents?|articles?|passages?"
    "|e-?mails?|quer(?:y|ies)|headlines?|titles?|posts?|utterances?|phrases?|source|prompt|user"
    "|human|before|original|problem|request|code|satz|nachricht|texte|phrase|frase|texto|testo"
    "|текст|文|文章|テキスト|文本|句子|문장|텍스트|نص|वाक्य|पाठ)"
)
TARGET = (
    "(?:labels?|class|category|sentiment|intent|topics?|tags?|emotion|rating|score|summary"
    "|translation|result|response|reply|completion|target|assistant|ai|after|corrected"
    "|correction|rewritten|paraphrase|simplified|solution|conclusion|verdict|ergebnis|lösung"
    "|kategorie|stimmung|étiquette|catégorie|résultat|etiqueta|categoría|resultado|метка|класс"
    "|результат|перевод|ラベル|分類|要約|翻訳|标签|类别|摘要|翻译|레이블|라벨|번역|요약|تصنيف"
    f"|श्रेणी|{ANSWER}|{OUTPUT})"
)
# what announces demonstrations
EXAMPLE = (
    "example|demonstration|few[- ]shot|beispiel|exemple|ejemplo|esempi|exemplo|voorbeeld|przykład"
    "|příklad|exempel|eksempel|örnek|contoh|ví dụ|пример|приклад|παράδειγμα|例|예시|예제|مثال"
    "|أمثلة|उदाहरण|דוגמ|ตัวอย่าง"
)
# what announces the set of labels, as many and as one
LABELS = (
    "labels|categories|classes|kategorien|klassen|étiquettes|catégories|etiquetas|categorías"
    "|clases|categorias|rótulos|etichette|categorie|categorieën|etykiety|kategorie|etiketter"
    "|etiketler|kategoriler|метки|категории|классы|мітки|категорії|ラベル|カテゴリー?|标签|標籤"
    "|类别|類別|레이블|라벨|카테고리|التصنيفات|الفئات|श्रेणियाँ|श्रेणियां|लेबल"
)
LABEL = "label|category|kategorie|étiquette|catégorie|etiqueta|categoría"
# what stands before the last item of a list.  Left out are words that are much else in English
# besides, such as the Polish i and the Czech a
OR = (
    "(?:or|oder|ou|o|oppure|of|eller|lub|albo|czy|nebo|или|або|чи|ή|veya|ya da|atau|hoặc|vagy"
    "|sau|または|或者?|또는|혹은|أو|یا|או|या)"
)
AND = (
    "(?:and|und|et|y|e|en|och|og|oraz|и|та|και|ve|dan|và|és|și|および|と|以及|和|及|그리고|및|و|और)"
)
# what opens the instruction and says nothing else
INSTRUCTION = (
    "(?:the )?(?:instructions?|task|task description|description|prompt|anweisung(?:en)?|aufgabe"
    "|consigne|tâche|instrucci[oó]n|指示|任务)"
)
# white space within a line: a French colon has a no-break space before it
BLANKS = r"[^\S\n]*"
COLON = "[:：]"
# a line's beginning, or that of an item of a list
ITEM = r"^[ \t]*(?:(?:[-*>•]|\d+[.)])[ \t]*)?"
# a line that only numbers the examples
SERIAL = (
    rf"[ \t]*+(?:\*\*|__|\[)?(?:(?:{EXAMPLE})s?|(?:sample|case|test|shot|ex\.?|no\.?|n°|nr\.?)"
    r"(?=[ \t]*#?\d))[ \t]*+#?\d{0,3}[^\w\n]{0,4}[ \t]*"
)
# ... or parts them
RULE = r"[ \t]*+(?:-{3,}|\*{3,}|_{3,}|={3,}|~{3,}|\+{3,}|#{2,})[ \t]*"
# what shows a form and is no value: {text}, <the label>, [review], ...
PLACEHOLDER = (
    r"(?:\{+[^{}\n]{1,40}\}+|<[^<>\n]{1,40}>|\[[^\[\]\n]{1,40}\]|\$\w{1,40}|_{2,9}|\.{3}|…)"
)
# the line below a table's head
TABLE_RULE = r"^[ \t]*+\|?[ \t]*+:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)+\|?[ \t]*$"
# a tag around a pair, or around all of them
OUTER = rf"(?:{EXAMPLE}|sample|demo|shot|item|pair)s?\d{{0,4}}"
_SURE = ((INPUT, OUTPUT), (f"q|{QUESTION}", f"a|{ANSWER}"))


def are_sides(source: str, output: str, likely: bool) -> bool:
    """Whether two names are an input's and its output's, or *likely* ones where that is enough."""
    for one, other in (*_SURE, (SOURCE, TARGET))[: 3 if likely else 2]:
        if re.fullmatch(one, source, re.IGNORECASE) and re.fullmatch(other, output, re.IGNORECASE):
            return True
    return False
