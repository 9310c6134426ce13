"""Words that fill the slots of the tickets grammar."""

import random

from experiments._grammar.style import listed

LEXICON: dict[str, tuple[str, ...]] = {
    name: listed(words)
    for name, words in {
        "product": """
            jacket; coffee machine; kettle; lamp; blender; toaster; dress; shoes; sneakers; boots; \
backpack; tent; sofa; chair;
            desk; bookshelf; rug; curtain; pillow; blanket; mattress; mug; pan; knife set; \
headphones; earbuds; speaker; charger;
            phone case; keyboard; mouse; monitor; tablet; camera; watch; necklace; ring; \
sunglasses; hat; scarf; gloves; sweater;
            shirt; t-shirt; jeans; trousers; skirt; socks; pyjamas; raincoat; umbrella; suitcase; \
wallet; handbag; bike; helmet;
            scooter; yoga mat; dumbbells; football; board game; puzzle; doll; toy car; drill; \
hammer; hose; plant pot; grill;
            mixer; vacuum cleaner; iron; fan; heater; hairdryer; razor; shampoo; soap; perfume; \
face cream; vitamins; dog bed;
            cat tree; bird cage; book; notebook; pen; printer; ink; router; cable; power bank; \
battery; clock; mirror; vase;
            candle; teapot; plates; glasses; sink; bath mat; towel
        """,
        "colour": (
            "red;blue;green;black;white;grey;pink;yellow;brown;orange;purple;beige;dark "
            "blue;light green"
        ),
        "size": "36;38;40;41;42;43;44;46;s;m;l;xl;xxl;xs;small;medium;large;10;12;14",
        "weekday": "monday;tuesday;wednesday;thursday;friday;saturday;sunday",
        "month": (
            "january;february;march;april;may;june;july;august;september;october;november;december"
        ),
        "when": """
            yesterday; monday; tuesday; wednesday; thursday; friday; saturday; sunday; last week; \
last month; this morning;
            two days ago; last night; easter; christmas; the weekend; march; june; october
        """,
        "days": """
            two days; 3 days; five days; 6 days; a week; one week; two weeks; 2 weeks; three \
weeks; 4 weeks; ten days; a month;
            two months; ages
        """,
        "name": """
            marie; tom; anna; mr. brown; mrs. smith; leo; julia; kevin; sara; peter; nina; paul; \
olga; ahmed; lisa; jonas; claire;
            ivan; grace; hugo; mia; frank; emma
        """,
        "place": """
            berlin; 5 mill lane; london; my work address; 12 park street; paris; leeds; 21 hill \
road; vienna; 8 oak avenue; dublin;
            rome; flat 4; madrid; my parents' house; oslo; 3 river close
        """,
        "country": """
            switzerland; norway; canada; spain; italy; poland; ireland; portugal; japan; austria; \
the us; the uk; malta; iceland;
            brazil; denmark; finland; greece; an island; abroad; mexico
        """,
        "device": """
            iphone; android phone; android 14; ipad; tablet; laptop; mac; pc; pixel; samsung; old \
phone; new phone; windows pc;
            smart tv; watch; kindle; chromebook
        """,
        "browser": "firefox;chrome;safari;edge;opera;brave;my browser;every browser",
        "errno": "404;500;503;e12;403;0x1f;502;400;1001;77",
        "code": "summer;welcome10;save20;spring;vip15;hello5;friend;xmas25;freeship;newyear;june10",
        "percent": "10 %;20 %;15 percent;half;30 percent;50 %;a quarter",
        "page": """
            checkout; payment page; product page; start page; wish list; search page; order page; \
basket page; home screen;
            review page; profile page; settings page; sale page
        """,
        "thing": """
            search; filter; basket; checkout; checkout button; pay button; wish list; menu; back \
button; scroll bar; zoom;
            size chart; map; barcode scanner; camera; dark mode; order list; review form; upload \
button; slider; language switch;
            price filter; start page; order page; help page; video player; share button; cart; \
cart icon; save button; sort option;
            product page; calendar; chat window; notification bell; app icon; update; address \
form; submit button; gallery; link;
            newsletter link; photo upload; quantity field; home button; cookie banner; pop-up; \
coupon field; keyboard; screen;
            store finder; page counter; print button
        """,
        "broken": """
            does not work; doesn't work; doesnt work; is broken; crashes; keeps crashing; freezes; \
hangs; is frozen; won't open;
            does not load; never loads; won't load; stopped working; shows an error; gives an \
error message; is dead; does nothing;
            is blank; is empty; goes white; disappears; jumps around; flickers; closes by itself; \
is stuck; is not responding;
            is very slow; takes forever; keeps loading; spins forever; has gone; is missing; looks \
broken; is unusable;
            covers the text; shuts down; overlaps everything; shows nonsense; is not clickable; \
can't be pressed; resets itself;
            isn't opening; leads to a 404; acts up; restarts my phone; is not loading; is cut off; \
won't close
        """,
        "action": """
            open my basket; tap pay; tap buy; click on a photo; search for shoes; add something to \
the cart; go back;
            turn my phone; scroll down; press the button; open the menu; write a review; change \
the size; open the app; zoom in;
            use the filter; sort by price; scan a code; switch the language; press checkout; \
upload a picture; save my list;
            swipe left; play a video; go to the next page; enter my address; choose a colour; \
click a link; share a product;
            print the page; hit enter; type in the search box; remove an item
        """,
        "feature": """
            dark mode; dark theme; wish list for two; price alert; widget; compare function; \
calculator for sizes;
            gift wrapping option; vegan filter; filter by brand; filter by material; night mode; \
map of the stores;
            chat with real people; family account; barcode scanner; voice search; size finder; \
virtual fitting room;
            back in stock alert; reminder for birthdays; gift registry; shopping list; smartwatch \
app; desktop app; tablet version;
            larger font; quiet mode; translation of reviews; video of each product; rating for \
comfort; loyalty card in the app;
            bonus programme; list of new things; random gift finder; button to hide sold out \
items; notes field; calendar view;
            export of my orders; way to sort my list; way to share my basket; second wish list; \
recipe section; forum;
            kids section; spare parts shop; repair service; rental service; second hand corner; \
gift card design;
            left-handed range; 3d view; sound off switch; offline mode; colour filter; undo \
button; student plan;
            plan for families; day pass; landscape mode
        """,
        "could": """
            sort my wish list; share my basket with a friend; save a basket for later; see prices \
per kilo; compare two products;
            filter by colour; see who made it; hide things i bought; leave notes on items; rate \
the packaging;
            see stock in the shops; order by voice; upload a photo to find a product; have two \
wish lists;
            see reviews with photos only; set a price limit; get a message when it is back; block \
brands i hate; follow a brand;
            plan gifts for each friend; choose the box; see the co2 of an item; turn off the \
animations; swipe between products;
            use the app with one hand; search inside my orders; copy an old order; see all colours \
at once; add items by barcode;
            mark favourites with stars; make a list for the kids; read reviews in english; zoom \
with two fingers; change the font;
            group my orders by year; import my list from another shop; choose a theme; pin an item \
to the top
        """,
        "damage": """
            it is broken; it came broken; it is cracked; the screen is cracked; it arrived in \
pieces; the handle is off;
            it has a hole; it's the wrong one; it is too small; it does not fit; the zip is torn
        """,
        "fault": """
            it broke after a day; it smells; it is too loud; it doesn't fit; the colour is wrong; \
it's useless; it tore on day one;
            it does not work; i don't like it; it was a double present; it leaks; it scratches; it \
is ugly; it's cheap plastic;
            it looks different from the picture; it stopped after a week
        """,
    }.items()
}
OPENERS = listed(
    """
    hi; hello; hey; dear team; dear sir or madam; good morning; good evening; hi there; hello \
team; hey guys; hi all;
    to whom it may concern; dear support; excuse me; sorry to bother you; quick one; urgent; ok \
so; so; um; well; listen;
    seriously; hello again; me again; third mail now; help; help please; sos; hi {name}; dear \
{name}; question; just a question;
    a short question; good day; evening; morning; attention; hallo; greetings
    """
)
CLOSERS = listed(
    """
    thanks; thank you; thx; please; pls; please help; help; asap; thanks in advance; regards; best \
regards; kind regards; cheers;
    best, {name}; greetings, {name}; ty; please reply; what now; any idea; please hurry; this is \
urgent; hope you can help;
    many thanks; thanks for your help; waiting for your answer; i'm waiting; very annoying; so \
annoying; not happy;
    really disappointed; this is ridiculous; wtf; omg; come on; not funny; please advise; that's \
all; have a nice day;
    yours, {name}; order {order}; customer number {number}; sent from my phone; what should i do; \
can you check;
    can you look into it; please check; second time i write; let me know; thank you very much; \
unbelievable; i'm so annoyed;
    no rush; whenever you have time; :(; :); grr; lol; ffs; it was a present; i've been a customer \
for years; or what
    """
)


def word(rng: random.Random, slot: str) -> str:
    """A word for *slot*: from the lexicon, or a number made up."""
    if slot in LEXICON:
        return rng.choice(LEXICON[slot])
    if slot == "order":
        return rng.choice(("", "no. ", "#", "number ")) + str(rng.randint(100, 99999))
    if slot == "number":
        return str(rng.randint(1000, 999999))
    if slot == "amount":
        plain = rng.choice(
            (f"{rng.randint(2, 250)}", f"{rng.randint(2, 99)}.{rng.choice((50, 99, 90, 95, 20))}")
        )
        return rng.choice(
            (f"{plain} euros", f"{plain} dollars", f"${plain}", plain, f"{plain} eur", f"£{plain}")
        )
    raise KeyError(slot)
