"""What happened to the customers of the tickets grammar, by the label that it would have if nothing is asked."""

# ruff: noqa: E501 - a template is one line, however long

TALES: dict[str, str] = {
    "shipping": """
(my|the|our) (parcel|package|order|{product}|delivery|shipment|order {order}) (never|hasn't|has not|still hasn't|didn't|did not) (came|arrived|arrive|come|turned up|shown up|been delivered)( yet| since {when}| after {days}|)
(my|the) (parcel|package|order|{product}) is (late|lost|stuck|overdue|missing|{days} late|still not here|nowhere to be found|stuck in customs)
(i've been|i am|we are|been) waiting (for|) {days} (for my {product}|for the parcel|now|for order {order})
(the|my) {product} (arrived|came|was delivered) (broken|damaged|smashed|cracked|with a dent|in pieces|bent|wet|scratched|torn|without the lid)
(you|they|u) sent (me |)(the wrong {product}|the wrong size|the wrong colour|something else|a {colour} one instead of {colour}|only one of two|someone else's order|size {size} instead of {size})
(the|my) (box|parcel|package|carton) (was|came|arrived) (empty|open|half empty|crushed|soaked|ripped)
(half|part|one) of (my|the) (order|items|delivery|parcel) (is|was) missing
there (is|was) (a {product}|one item|a part|something|the manual|a screw) missing (in|from) (the box|the parcel|my order|order {order})
tracking (says|shows|claims) (delivered|it was delivered|returned to sender|{place}|nothing|unknown|in transit for {days}) (but i have nothing|but nobody came|and that is wrong|since {when}|)
the (driver|courier|postman|carrier|delivery guy) (left it in the rain|never rang|gave it to a stranger|threw it over the fence|was rude|left it with someone i don't know|did not ring the bell)
(the|my) tracking (number|link|page) (does not work|hasn't moved|is unknown|has not changed|shows nothing)( since {when}| for {days}|)
(the|my) (postman|driver|courier|post office|carrier) (says|claims|wrote|told me) (he left it in the garage|it was delivered|nobody was home|the number does not exist|there is no such address|it is in {place})
(my|the|your) tracking (number|code) (doesn't|does not) (exist|work|say anything) (according to the post office|says the courier|on their page|)
(super|so|really|incredibly) fast (shipping|delivery), only {days} so far
there (was|were) (the wrong|a {colour}|someone else's) {product} in the (bag|box|parcel), (can i get a size {size}|please swap it|i need the {colour} one)
(two|three|both|all) {product}s (broken|cracked|smashed|bent) in the (box|parcel|bag)(, please (replace|send new ones)|)
(it was|order {order} was|the {product} was) (supposed|meant|promised) to (arrive|come|be here) (on {weekday}|{when}|{days} ago)
(great|wow|super|lovely|fantastic|bravo|excellent), (a week of waiting|{days} and no parcel|another broken {product}|next day delivery takes {days}|the box is empty again)
(someone|a neighbour|nobody) (signed for|took|has) my parcel
my (neighbours|friend) got (their|his) order, mine (is not here|did not come)
""",
    "billing": """
(i was|i've been|you|u) (charged|billed|debited) (me |)(twice|two times|double|{amount} too much|{amount} for nothing|for {month} again|the wrong amount|before the trial ended)
(there is|i see|found) (a|an unknown|a second|a strange) (charge|debit|payment|fee) (of {amount} |)(on my (card|statement|bank account|paypal)|from you)
the (total|price|amount|sum) (is|was) (wrong|higher than shown|not what the page said|different|{amount} more)
(the|my) (membership|premium) (got|became|is|was) (more expensive|dearer|{amount} instead of {amount}|raised)
(the|my) (discount|voucher|coupon|gift card) (was not|wasn't|has not been) (applied|taken off|counted|deducted)
(the|my) payment (failed|did not go through|is still pending|was refused|got stuck)( but (the money|it) left my account| again|)
(i|we) (never got|didn't get|have not received|am missing) (an invoice|the invoice|a receipt|a bill)( for order {order}| for {month}|)
(you|they) (took|charged) {amount} (from my (card|account)|without asking|for the free trial)
the shop said {percent} off but i paid (the full price|{amount})
(two|three|3) (invoices|bills|charges) for one (order|{product}|purchase)
(great|wow|super|lovely), (charged twice|another surprise fee|the discount vanished at the till|a free trial for {amount})
""",
    "bug": """
(the|your) {thing} {broken}( since {when}| since the (last |)update| on my {device}| in {browser}| again| every time| when i {action}|)
(the|your|) (app|website|site|page|shop) {broken}( (when|as soon as|whenever|every time|if) i {action}| on my {device}| in {browser}| since {when}| since the update| all the time|)
(whenever|when|every time|if|as soon as) i {action} (the (app|page|site|screen|browser) {broken}|nothing happens|i get an error|it crashes|everything is gone|the screen goes white|it jumps back)
(i get|getting|there is|it shows|i keep getting) (an error|error {errno}|an error message|a white screen|a blank page|a spinning wheel|a 404) (when i {action}|on the {page}|in the app|all the time|on {browser})
(love|great|wow|lovely|bravo|nice work|congrats|super), (the app crashes again|your app froze again|the {thing} is dead again|the new update broke everything|it deleted my basket again|another crash)
(nothing|nothing at all) (happens|loads|works) (when i {action}|on the {page}|in the app|on my {device})
(pictures|photos|prices|reviews|buttons|letters|filters|product videos) (are|look|show) (missing|upside down|blurred|cut off|all zero|overlapping|wrong|gone|too small to read)( in the app| on the {page}| on my {device}|)
(the|your|my) (basket|wish list|list|cart) (empties itself|is empty again|shows the wrong items|counts wrong|lost all items|does not save|doubles everything)( when i {action}| every day| since {when}|)
(i|we) (can't|cannot|cant) (tap|press|click|scroll|open|load|use|see|close) the {thing}( in the app| on my {device}| in {browser}|, it does nothing|)
(push |)(notifications|alerts|messages) (come twice|never come|come at night although they are off|for old orders keep coming|do not stop|open the wrong page)
(i|we) keep getting (notifications|alerts|messages|mails) (for orders i got (months|weeks|{days}) ago|in the middle of the night|although i turned them off|about things i never saved)
(tapping|pressing|clicking|touching|using) the {thing} (closes the app|does nothing|makes everything jump|logs an error|opens the wrong page|empties my basket|freezes my {device})
the {thing} (closes the (whole |)app|covers the {thing}|opens the wrong page|jumps to the top|shows (someone else's data|yesterday's prices|letters instead of pictures|half a page)|no longer reacts|makes my {device} hot)
(the|your) (new |latest |)(update|version|release) (broke|ruined|killed|messed up) (the {thing}|everything|my lists|search)
(stars|prices|reviews|pictures|totals|dates) (in|on) (the {page}|reviews|the list|my orders) (all |)(show|say|are) (zero|nan|wrong|empty|nonsense|the same)
(the app|it) (drains|eats|empties) my (battery|data|memory)
(since|after) the (update|last update|new version) (the {thing} {broken}|the app {broken}|nothing works|everything is slow)
(search|the search) (finds nothing|shows wrong results|gives an error|ignores what i type|returns {product}s for everything)
""",
    "login": """
(i|we) (still |)(can't|cannot|cant) (log in|sign in|get into my account|get in)
my (password|login|code) (does not work|doesnt work|is rejected|stopped working|is wrong all of a sudden)
my account (was|has been|got) (hacked|locked|blocked|suspended|stolen)
the (login code|sms code|reset mail|verification mail) (never came|does not come|comes too late|did not arrive)
(it|the app) (logs|kicks|throws) me out (every time|all the time|after a minute|again and again)
(great|lovely|super), (locked out again|wrong password again although i just changed it|the code expired before it came)
""",
    "refund": """
(i returned|i sent back) (the|my) {product} {days} ago and (still no money|nothing happened|got no refund)
(my|the) refund (is|was) (late|missing|too small|not here|{amount} short|promised {days} ago)
(you|they) (promised|confirmed|announced) (a|my) refund (on {weekday}|{days} ago|{when})(, nothing came|)
(great|lovely|wow), a refund of {amount} for a {product} of {amount}
""",
}
# What can be denied or left aside, by the label that it would have been.
DENIED: dict[str, str] = {
    "refund": "a refund|my money back|to return it|money|a return|cash",
    "cancellation": "to cancel|to cancel my membership|to close my account|to quit|to cancel the order",
    "shipping": "a replacement|another one|a new delivery|an exchange|to wait for the parcel",
    "billing": "an invoice|a discount|a voucher|a coupon|a receipt",
    "how_to": "an explanation|a manual|tips|instructions",
    "feature_request": "new features|anything new|a new design",
    "bug": "to report a bug|to complain about the app",
}
