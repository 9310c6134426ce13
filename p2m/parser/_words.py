"""The words that prompts mark their parts with, in the languages that are known."""

# what stands before the colon of a demonstration's input, and before that of its output
_SIDES = {
    "en": ("inputs?", "outputs?|expected output"),
    "ar": ("(?:ال)?مدخل(?:ات)?|الإدخال", "(?:ال)?مخرج(?:ات)?|الإخراج"),
    "cs": ("vstup", "výstup"),
    "de": ("eingabe", "ausgabe"),
    "el": ("είσοδος", "έξοδος"),
    "es": ("entrada", "salida"),
    "fa": ("ورودی", "خروجی"),
    "fr": ("entrée", "sortie"),
    "he": ("קלט", "פלט"),
    "hi": ("इनपुट", "आउटपुट"),
    "hu": ("bemenet", "kimenet"),
    "id": ("masukan", "keluaran"),
    "it": ("ingresso", "uscita"),
    "ja": ("入力", "出力"),
    "ko": ("입력", "출력"),
    "nl": ("invoer", "uitvoer"),
    "pl": ("wejście", "wyjście"),
    "pt": ("entrada", "saída"),
    "ru": ("ввод|вход", "вывод|выход"),
    "sv": ("indata", "utdata"),
    "tr": ("girdi", "çıktı"),
    "uk": ("ввід|вхід", "вивід|вихід"),
    "vi": ("đầu vào", "đầu ra"),
    "zh": ("输入|輸入", "输出|輸出"),
}
INPUT = "(?:" + "|".join(words for words, _ in _SIDES.values()) + ")"
OUTPUT = "(?:" + "|".join(words for _, words in _SIDES.values()) + ")"
# what announces demonstrations
EXAMPLE = "example|demonstration|few[- ]shot|beispiel|exemple|ejemplo|esempi|例"
# what announces the set of labels, as many and as one
LABELS = "labels|categories|classes|kategorien|étiquettes|catégories|etiquetas|categorías"
LABEL = "label|category|kategorie|étiquette|catégorie|etiqueta|categoría"
# what opens the instruction and says nothing else
INSTRUCTION = (
    "(?:the )?(?:instructions?|task|task description|description|prompt|anweisung(?:en)?|aufgabe"
    "|consigne|tâche|instrucci[oó]n|指示|任务)"
)
# white space within a line: a French colon has a no-break space before it
BLANKS = r"[^\S\n]*"
COLON = "[:：]"
# a line's beginning, or that of an item of a list
ITEM = r"^[ \t]*(?:(?:[-*>]|\d+[.)])[ \t]*)?"
