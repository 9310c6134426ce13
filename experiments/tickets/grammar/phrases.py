"""What the customers of the tickets grammar ask for, by label.  One template a line; (this|that) and {slots} vary."""

# ruff: noqa: E501 - a template is one line, however long

ASKS: dict[str, str] = {
    "refund": """
(i want|i'd like|i demand|i expect|i need) (my money|a refund|a full refund|the money|my {amount}) back
(i want|i would like|please arrange|i ask for|requesting|i request) a (full |partial |)refund (for|on) (the|my) {product}
(please|pls|kindly|can you|could you|) refund (me|my order|the {product}|order {order}|the {amount}|the full amount|the purchase price)
give me (my money|the {amount}|my cash|every cent) back
(money back|refund) (please|pls|now|asap|!)
(when|how soon) (do|will) i (get|see|receive) (my|the) (refund|money back|money|{amount})
where is my (refund|money|{amount}|reimbursement)
(still|) (waiting for|no sign of|haven't received|have not seen) (my|the) (refund|money|{amount}) (for {days}|since {when}|after my return|)
how long (does|will|do) (a refund|refunds|the refund|it) take (to reach my (card|account|bank)|)
how (can|do) i (return|send back) (the {product}|this|something|an item) (for (a refund|money|cash)|and get my money back|)
(i'd like|i want|i wish|i need) to (return|send back|give back) (the|my|this) {product}(, it's (too small|too big|not what i expected|ugly|no good)| because {fault}|, {fault}|)
can i (return|send back|bring back) (the|a|my) {product} (and get (the money|a refund)|for a refund|if i opened the box|after {days}|)
(you|they) (refunded|paid back|sent back|credited) {amount} instead of {amount}(, (someone|somebody|you) can't (count|do maths)| again|, where is the rest|)
(do|must|will) i (have to |)pay (the|for) (postage|shipping|stamps|parcel) (for|of|on) (a|my|the) return( myself|)
(is it|am i) (too late|still possible|still allowed) to (return|send back) (the|my) {product}
what (is|are) (your|the) (return|refund) (policy|rules|window|conditions|deadline)
(i returned|i sent back|you got back) (the|my) {product} (on {weekday}|{days} ago|{when}), (where is|when comes|what about|no) (the money|my refund|refund yet|my money)
(you|u) (only |)(refunded|paid back|gave back) (half|{amount}|part of it|less than i paid), (i paid|should be|it was) {amount}
please (transfer|send|pay|wire) the (money|{amount}|amount|purchase price) back (to my (account|card|bank)|)
who pays (the postage|the shipping|for the parcel) (for|on|of|when i make) a return
(i need|send me|where is|can i get) a return (label|slip|form|code) (for the {product}|please|)
(please|) cancel (it|the order|order {order}|everything|the membership) and (give|send|pay|return|transfer) (me |)(the|my) (money|payment|{amount})( back|)
(you|u) (charged|billed|debited) me after i (cancelled|quit|left|sent it back), (give it back|i want it back|refund me|pay it back)
(never|nothing) (arrived|came), (so |)(i expect|i want|give me) (the whole amount|the money|everything|{amount}) back
(it has a scratch|it's a bit damaged|it has a stain) but i('ll| will) keep it, (can i get|i'd like|give me) (some|part) of the price back
(part|some) of the (price|money) back (would do|please|for the {product})
the (store|shop|gift) credit is no use, i want (cash|real money|the money on my card)
(no (voucher|credit|replacement)|not a voucher), (i want|just) (my money|a refund|the money)
refund (me|it) or i (call my bank|go to the press|dispute the charge|tell everyone)
(reverse|undo|pay back|return) the (charge|payment|{amount}) (please|for {month}|you took|that i never agreed to)
(can|could|may) i get (some|part) of (the money|my money|the price) back for the {product}
i changed my mind about the {product} and want to (return it|send it back|give it back)
does my (return|refund) (go|come) back to (paypal|my card|the gift card|my bank account)
(i'd like|please give me) compensation (in money|in cash|of {amount}) for the {product}
how do i get my (deposit|money|{amount}) back
you owe me {amount} (for the return|from my return|since {when}|)
""",
    "cancellation": """
(please|pls|kindly|can you|could you|i want to|i'd like to|i need to|i wish to|how do i|how can i|) cancel (my|the) (membership|subscription|plan|premium|plus plan|gold plan|trial|free trial)
(please|pls|kindly|can you|could you|i want to|i'd like to|i need to|how do i|how can i|) cancel (my order|order {order}|the order|the {product}|the order from {when}|both orders)
(please|pls|i want you to|can you|i'd like to|how do i|how can i|) (delete|close|erase|remove|deactivate|terminate|shut down|get rid of) my (account|profile|user account|customer account)( and all my data| for good| forever|)
(please|i want to|i'd like to|how do i|) (end|stop|quit|terminate|drop|leave) (the|my) (membership|subscription|plan|premium|contract|auto renewal|renewal)
(don't|do not|please don't|pls dont) renew (my|the) (membership|plan|subscription|premium)
stop (my order|order {order}|the order|the shipment|the {product}) (please|before it ships|now|i changed my mind|)
(i no longer|i don't|i dont|we no longer|we don't) (want|need) (the (membership|subscription|premium)|premium|to be a member|the order|the {product} i ordered)
(unsubscribe|take|sign|opt) me (out of|off|from) (premium|the membership|the paid plan|the club)
i ordered (the wrong|too many|two|twice|the same) {product} (by mistake|by accident|), (please stop it|can you stop it|please cancel|stop one|cancel one)
(is it|am i) (too late|still possible|still able) to (cancel|stop) (order {order}|my order|the {product})
(changed|i've changed) my mind, (please|pls) (don't send|cancel|stop|forget) (the {product}|order {order}|my order|it)
(this is my notice|i hereby give notice|i give notice|notice of termination)( for the membership| for the end of {month}|)
(not|i'm not|i am not|we are not|we're not) (renewing|going to renew|continuing|extending|staying)( the membership| with premium|, thanks|, sorry| next month|)
(when|on what day) (does|will) my (contract|membership|plan) (end|stop) if i (give notice|cancel|leave) (today|now|in {month})
(everything is late and broken|nothing works here|i've had it|enough|that's it|last straw), (close|delete) my account
(what|how long) is the notice period (for the membership|of my plan|)
(when does|until when does) my (membership|plan|subscription) (run|end|last) if i (cancel|quit|stop) (now|today|this month)
(can|could|may) i (pause|leave|end|cancel) (the|my) (membership|subscription|plan) (any time|before {month}|in the middle of the month|early)
remove (all my data|my data|everything about me|my personal information) (under gdpr|from your system|from your database|please|)
(i'm|i am|we are|we're) leaving, (close|delete) (my|our) account
(not interested|no interest) in (premium|the membership|the trial) (any more|anymore), (stop|end|cancel) it
where (is|do i find) the (cancel button|button to cancel|option to cancel|way to end my plan)
(how|where) do i (sign out of|get out of|leave|opt out of) the (membership|trial|premium plan|club)
i want (out|out of the membership|out of this contract|to quit)
(end|stop) (it|this|the trial) before (it|the trial) (turns into a paid plan|renews|ends)
my (mother|father|husband|wife|gran) (died|passed away), please (close|delete) (her|his|the) account
please (take|remove|drop) the {product} (out of|from) order {order}, i don't want it
(please|) downgrade me to the free (account|version|plan), no (more premium|membership)
""",
    "login": """
(i|we) (can't|cant|cannot|can not|am unable to) (log in|login|sign in|get in|log on|access my account|get into my account)( since {when}| any more| at all| on my {device}|)
(i forgot|forgot|i've forgotten|lost|i don't remember|i can't remember) my (password|pin|login|user name|username|passcode)
(please|can you|could you|how do i|how can i|where can i|i need to|) (reset|change|recover|set|restore) my (password|pin|login|passcode|username)
(my account|account|it) is (locked|blocked|disabled|suspended|frozen|deactivated)(, please (unlock|open) it| after three tries|, why|)
(please|can you|) (unlock|unblock|reactivate|open|restore|give me back) my account
(someone|somebody|a stranger|a hacker) (has |)(hacked|got into|took over|stole|is using|changed the password of|broke into) my account
(i don't|i do not|never|still don't) (get|receive|got) the (code|verification code|sms|text message with the code|reset mail|reset link|confirmation code|one-time code|security code)
the (code|verification code|pin|password|login code|reset link|magic link) (is|seems|does) (wrong|invalid|expired|not valid|not accepted|rejected|not work)( every time| again|)
(it|the page|the site|the app) (says|tells me|claims|keeps saying) (wrong password|unknown user|user not found|invalid login|account not found|my email is unknown|incorrect pin|too many attempts)
(log in|login|sign in|signing in|logging in) (fails|does not work|doesnt work|is impossible|never works|fails every time|with (google|facebook|apple|my fingerprint) fails|via (google|facebook|apple) is broken)
(i have|i've got|got) a new (phone|number|phone number|email address) and (can't|cannot) (log in|sign in|get the code|confirm my login)
(my (old |)(phone|email|number) is gone|i lost my phone|my email changed), how do i (get in|log in|sign in|get back into my account)
(the|your) (two factor|2fa|two-step|authenticator) (code|app|login|thing) (doesn't work|locks me out|is gone|rejects me|keeps failing)
(i'm|i am|we are) (locked|kicked|thrown|logged) out (of my account|of the app|again|every few minutes|and cannot get back in|since {when}|)
(the (captcha|robot check|loading wheel|sign-in page|login screen)|it) (never ends|keeps turning|goes round in circles|starts again and again), (can't|i can't|cannot) (get in|log in|sign in)
(tried|i tried|trying) to (check my order|pay|open my profile|see my bill) but (the page|it|the app) (won't|wont|does not) (accept|take|know) my (login|password|email|code)
(reset|password|activation) (mail|email|link) (is |)(not in my inbox|neither in my inbox nor in spam|never here|missing), i looked (in spam|everywhere|twice)
the (captcha|robot check|security question|face id|fingerprint) (won't let me in|keeps me out|blocks my login|never accepts me)
(it|the app|the site) (won't|does not|doesn't|will not) (let me in|accept my password|take my password|recognise my email|know my email)
(it|the app|the site|the login page) (wants|asks for|needs) a code from (an app|a phone|a number|an email) i (don't|do not|dont|no longer) have( any more|)
(how can|can|how do) i (find|get back|recover|look up) my (user name|customer id|login name|old account)
which (email|mail address|username) (did i|do i|have i) (use|sign up with|register with|have)
(there are|i see) orders (i never made|from strangers) in my account, (was i hacked|someone got in|i think i was hacked)
(i got|got) a mail that my (password|email) was changed, (it was not me|that wasn't me|i did not do that)
the (reset|password|confirmation|activation) (mail|email|link|message) (never comes|never arrives|has not come|is not in my inbox|leads nowhere|is dead)
(my|the) (login|password) (worked yesterday|was fine last week), (today|now) (it is wrong|not any more|i can't get in)
(can't|cannot|unable to) (verify|confirm|activate) my (account|email|phone number) (to log in|)
how (do|can) i (log in|sign in) (on|with) (my|a) (new {device}|second {device}|google account|apple id|without a password)
(my|our) (kid|son|daughter|cat) changed the (password|pin) and now we (can't|cannot) get in
(after|since) the (update|reset|change) my password (no longer works|is refused|is always wrong)
i want to get (back |)into my (old |)account
""",
    "shipping": """
(where is|where's|wheres|what happened to|any news on|any news of|where the hell is|status of) my (parcel|package|order|delivery|{product}|shipment|stuff|box)
(when|on which day|how soon) (will|does) (my (parcel|package|order|{product}|delivery)|order {order}|it) (arrive|come|get here|show up|reach me|leave your warehouse)
(when|by when) (can|do|may) i (expect|get) (my (parcel|package|order|{product}|delivery)|order {order})
(i|we) only want to know (where|when) (my|the) (parcel|order|delivery|{product}) (is|comes|arrives|will be here)
(find|track|look for|trace) my (parcel|package|order|box)( please| now|, that is all| and send it to {place}|)
(has|did) (my|the) (order|parcel|{product}|package) (ship|shipped|been sent|left|leave|go out) (yet|already|)
(please|can you|could you|how do i|is it possible to|i need to|i want to|) change (the|my) (delivery|shipping) address (to {place}|for order {order}|of my order|before it ships|)
(please|can you|could you|) (send|deliver|ship|redirect|forward) (the parcel|my order|it|the {product}|order {order}) to ({place}|my office|my neighbour|another address|a pickup point|my new address)
(do you|can you|u) (ship|deliver|send) to {country}
(how much|what) (is|does) (shipping|delivery|postage) (cost|)( to {country}| for the {product}| for big items|)
how long does (shipping|delivery|the post|it) take to (arrive|reach me|{country}|come here)
(can i|i'd like to|i want to|please let me|how do i|could i) (exchange|swap|change) (the|my) {product} (for (a bigger size|a smaller size|size {size}|another colour|the {colour} one|a new one)|)
(please|can you|could you|) send (me |)(a new one|a replacement|another one|the right one|the missing (part|item|piece|{product})|the correct {product}|the rest)
(please|can you|could you|) (replace|exchange|swap) (the|my) {product}(, {damage}| because {damage}|)
(what is|give me|send me|i need|where is|can i have) (the|a|my) tracking (number|link|code) (for order {order}|please|)
(can|could) (you|the driver|the courier|they) (leave|drop|put) (it|the parcel|the box|my order) (at the door|with the neighbour|behind the house|in the garage|on the porch)
(i'm|i am|we are|we're) (away|on holiday|not home|at work) (next week|on {weekday}|until {month}), (hold|keep|deliver later|can you deliver after that|please wait with the delivery)
(can|could|may) (someone else|my neighbour|my wife|my son|a friend) (pick up|collect|sign for|get) (my|the) (parcel|package|order)
(do you|can i get|is there) (express|overnight|same day|next day|faster|weekend|saturday) (shipping|delivery)
(can i|could i|how do i) (pick|collect) (it|my order|the {product}) (up |)(in a shop|at the store|at the warehouse|myself)
(please|) (speed up|hurry up with|rush) (the|my) (delivery|order|parcel), (the party|the birthday|the wedding) is on {weekday}
(what|which) (courier|carrier|delivery service|post) (do you use|brings it|has my parcel)
(wrong|old) address on (order {order}|my order|the parcel), (please correct it|can you fix it|it should be {place})
(do i|will i) have to pay customs (for {country}|in {country}|on my parcel|)
(split|combine|bundle|join) (my orders|the two orders|the delivery|both parcels) (into one (box|parcel)|please|)
(can you|please) resend (it|the parcel|order {order}|the {product})
will (the|my) {product} (be here|arrive|come) (before|by) ({weekday}|christmas|the weekend|my holiday|{month})
""",
    "billing": """
(please|can you|could you|i need you to|) (send|mail|email|give) me (the|an|my|a copy of the|a new) (invoice|receipt|bill|vat invoice) (for order {order}|for {month}|for my purchase|for the {product}|with my (company|tax) (name|number) on it|again|)
(where|how) (can|do) i (find|get|download|see|print) (my|the|an) (invoice|receipt|bill|invoices|receipts|payment history)
(why|how come) (was|am|did) i (charged|billed|debited) {amount}( for {month}| for the {product}| instead of {amount}| twice| again|)
(what is|explain|can you explain|what's|i don't understand) (the|this|that|a) (charge|fee|debit|amount|extra charge|bill) (of {amount}|on my (card|statement|account))
(can|may|could) i pay (by|with|via) (card|cash|paypal|invoice|bank transfer|gift card|apple pay|two cards|instalments|cheque|a voucher)
(do you|u) (take|accept|support) (paypal|amex|visa|cash|apple pay|google pay|bitcoin|bank transfer|gift cards|debit cards|vouchers)
(how do i|how can i|i want to|i need to|please|where do i) (change|update|replace|add|remove) (my|the|a) (card|credit card|payment method|bank details|billing address|card number|payment details)
(my|the) (discount|promo|voucher|coupon|gift card|gift|welcome) code (({code}) |)(does not work|doesn't work|is not accepted|is rejected|is invalid|has expired|was not applied|won't apply|fails)
(why|how come) (is|did) the (price|total|membership fee|postage) (higher|go up|different|changed|not the same) (than on the page|today|at the checkout|since {when}|this month|)
how much (is|does) (the|a) (membership|premium|{product}|annual plan|plus plan) (cost|a month|per year|now|with the discount|)
(please|can you|could you|) (correct|fix|change|check|adjust|redo) (the|my) (invoice|bill|receipt)(, (the name|the address|the vat|the amount|the date|my company) is wrong|)
(my|the) (card|credit card|payment|paypal|debit card) (was|is|got|keeps being|gets) (declined|refused|rejected|not accepted|blocked)(, (what now|why|what can i do)|)
(is there|do you have|do students get|any) (a student discount|a discount|a sale on|a price match|a bulk price|a family price|a voucher for new customers)
(does|do) (the price|prices|it|the membership fee) include (vat|tax|taxes|postage|shipping)
(is|was) (my|the) (payment|transfer|money) (received|through|booked|successful|on its way|pending)
can i (still |)use (my|a|the) (gift card|voucher|coupon|points|credit) (for|on|with) (the {product}|sale items|the membership|two orders)
(what|how much) (do i|will i) (owe|pay) (you|in total|after the trial|for the first month|)
please (stop charging|don't charge|no longer charge) my (old |expired |)card, use (the new one|paypal|the other one)
is the (price|{amount}|fee|membership) (per|a|each) (month|year|person|week) or (per|a) (year|month|household|order)
my (credit card|card|debit card) (expires|runs out|ends|changes|was replaced) (next month|soon|in {month}|this week)(, (how do i give you the new one|what do i do|where do i put the new number)|)
(the|my) (invoice|bill|receipt) (shows|lists|says|has) (two|three|2|5) (pairs of socks|{product}s|items) but i (bought|ordered|got) (one|only one|two)(, please correct it|)
(what|why) did you (charge|bill|take from) me {amount}( for|)
(the|my) (invoice|receipt|bill) (has|shows|lists) the wrong (name|amount|address|company|item|vat number)
(which|what) (day|date) (is|will) (my card|the fee|the membership) (charged|debited|billed|due)
can you put (the|my) (vat|tax|company|order) (number|name) on the (invoice|bill|receipt)
(i need|my boss needs|accounting needs) (a receipt|an invoice|a proof of payment|the bill) for (tax|my expenses|work|the {product})
""",
    "bug": """
(please|can you|) fix (the|your) (app|website|search|checkout|filter|basket|crash|page|{thing})( already| soon|, it's broken|)
(your|the) (app|website|site|page) (has|seems to have|must have) (a|some) (bug|error|glitch|problem)( on the {page}| when i {action}|)
(reporting|i want to report|here is|found|i found) (a|another) (bug|glitch|error)(: (the|your) {thing} {broken}| in the {thing}| on the {page}|)
when will (you fix|the bug with|the error with|you repair) the {thing}( be fixed|)
(is|are) (the|your) (server|site|website|app) (down|offline|broken) (right now|again|today|for everyone|)
""",
    "how_to": """
(how|where) (do|can) i (find|see|open|use|get to) (the|my) (wish list|order history|basket|reviews|points|favourites|settings|size chart|filter|saved items|store map)( in the app| on the website|)
how (do|can) i (change|switch|set|edit|turn on|turn off|hide|show) (the|my) (language|currency|notifications|profile picture|dark mode|display name|sound|newsletter|alerts|font size|location)( in the app| on my {device}|)
how (do|can|does one) (i |you |)(write|post|edit|delete) a (review|comment|question)( for the {product}|)
how (do|can) i (sort|filter|search|compare) (the |)(results|products|items|by price|by colour|by brand|by size)
(how|what) (do|should|can) i (clean|wash|charge|assemble|mount|store|oil|descale|install|set up|fold|calibrate) (the|my|this|with the) {product}
(can|may|could) (the|a|this|i put the) {product} (be washed|go in the dishwasher|be used outdoors|go in the oven|get wet|be used by kids|be repaired|in the dishwasher|in the dryer|in the freezer)
(is|are) (the|your|this) {product} (waterproof|vegan|machine washable|suitable for (kids|beginners|outdoor use)|compatible with (my {device}|android|a mac)|safe for babies|made of (cotton|steel|wood|leather))
does (the|your|this) {product} (come with|have|need|work with) (batteries|a charger|a manual|bluetooth|a lid|a case|a {device}|an adapter|a warranty|a plug)
(is there|where is|do you have) a (manual|guide|instruction|size chart|video|tutorial) (for|on how to use) the {product}
(does|can) (the|your) app (work|run|be used) (offline|on a tablet|on {device}|without internet|in other languages|on two phones|on my {device})
(can|could) i (share|print|export|save|rename|copy|duplicate) (my|a|the) (wish list|basket|order list|list|favourites|review)( with (a friend|my wife|my mum)|)
(is it possible to|is there a way to|any way to|am i able to|do you know how to) (use the app (offline|on two phones|without an account)|print my list|see old orders|search by picture|buy as a guest|change the font)
(can|may) (i|we) (make|keep|start|have) (a|two|several) (list|lists|wish lists) (and (send|show|give) (it|them) to (my mum|my wife|a friend|the family)|at once|for the kids)
how do (you|i) (switch|change) between (grams and ounces|two languages|cm and inches|list and grid|two profiles|euros and pounds)
(at how many degrees|how hot|how often) (can|should|do) i (wash|clean|iron|charge) the {product}
what (does|do) (the|a|that) (green tick|red dot|star|grey bar|bell|little heart|padlock|orange flag|number next to an item|blue badge) (mean|stand for|do)
(how|where) (do|can) i (use|redeem|collect|earn|see) (my |)(points|stars|bonus points|loyalty points)
(how do|can) i (order|buy|reorder) (the same {product} again|as a gift|for a friend|more than one size|without the app|in bulk|several at once)
(can|how do) i (add|invite) (my wife|a second person|family|my partner|another user) (to my (profile|list|household)|)
(how big|how heavy|how long|how wide|how old|how loud|what size|what colour|what material) (is|was) (the|your) {product}
which {product} (fits|is right for|do you recommend for|goes with|should i take for) (a beginner|my {device}|a child of six|a small flat|my size|cold weather)
(how|where) (do|can) i (scan|zoom|upload|attach|turn|enlarge) (a barcode|into the picture|a photo|photos to a review|a qr code|product pictures)
(i|we) (can't|cannot|don't) (figure out|understand|see|work out) how to (use|open|close|set up|turn on|start|change the battery of) the {product}
which (button|setting|menu|tab) do i (need|press|use|tap) (to (sort|see my list|write a review|change the language)|for notifications|)
(new here|first time user|i'm new|beginner question|stupid question|quick question)(,|:) how does (this|the app|the wish list|the basket|ordering|the bonus programme) work
can i (use|try|see) the (app|shop|site|website) (without an account|as a guest|in {country}|in german|in spanish|with my kids)
(what|which) (is|are) the (opening hours of the store|difference between the two {product}s|best way to clean the {product}|size of the {product}|benefits of the membership)
where (is|are|do i find) the (menu|filter|search|settings|help page|language button|list button|sort option|gift option)
(i don't need|no need for|forget) (anything new|a refund|a call|the manual), (only tell me|just tell me|just show me) (where|how) (the (filter|menu|list|search) is|to sort|i see my points|it is done)
(can|does|will) (the|your|this) {product} (work|fit|go) with (two phones|an old {device}|any lamp|a normal plug|size {size}|both hands)
do i need (an account|the app|a phone|a membership) to (order|buy|write a review|use the list|see prices)
""",
    "feature_request": """
(please|pls|can you|could you|you should|why don't you|it would be nice if you could|) (add|build|include|introduce|offer|bring|make|create) (a|an) {feature}( to the app| on the website| soon|, please|)
(i'd love|i would love|i wish for|we want|we need|i'd like|i miss|i'm missing) (a|an) {feature}( in the app| on the site|)
(it would be|it'd be|would be|be) (great|nice|cool|awesome|lovely|handy|useful|helpful|so good) (if (i|we|one) could {could}|to have (a|an) {feature}|to be able to {could})
(i wish|wish|if only) (i|we|one) could {could}
(i wish|wish) (there was|there were|you had|the app had|the site had|you offered) (a|an) {feature}
(please|pls|could you|can you|you should|) (sell|stock|offer|carry|bring back|start selling) (more {colour} things|vegan {product}s|{product}s in {colour}|bigger sizes|smaller sizes|kids sizes|the old {product}|organic {product}s|{product}s for left-handers|spare parts|the lemon flavour)
(please|pls|could you|can you|) (make|release|publish|do) (the|an|a) (app|version) (for|in|available in) ({device}|windows|linux|smart tv|apple watch|french|polish|turkish|swedish|my language)
(suggestion|idea|feature request|feature idea|small idea|proposal|an idea|one wish|my wish)(: | - |, )(a {feature}|let us {could}|let me {could}|add a {feature}|less packaging|more payment friendly colours|{feature})
(bring|put|get) back (the|your) (old {product}|lemon soap|old design|{colour} {product}|bigger boxes|paper catalogue|old search)( please|, i miss it|, everyone loved it|)
(please|) (sell|offer|make|stock) (smaller|bigger|larger|refill|family|single|trial) (packs|bottles|boxes|sizes|bags)( of (the |)(soap|shampoo|coffee|ink|vitamins)|)
(just|only|no bug, just|not a complaint, just) (an idea|a thought|a suggestion)(: | - |, )(let (us|me|the list|the app) {could}|a {feature} would help|show (the date i added things|the weight of each item|what friends like))
(why is there|there is|there's) no {feature}(?|, please add one|, that would help|, what a pity|. you should make one)
(let|allow) (me|us|users|people|members) (to |){could}( please|, that would help|)
(any|are there) plans (for|to add|to build) (a|an) {feature}
(have you|did you ever) (thought|considered|think) (of|about) (a|an|adding a) {feature}
(the app|the site|the shop|your app) (should|could|needs to|ought to) (have|get|offer|support) (a|an) {feature}
(more|bigger|better|other|nicer) (photos|pictures|fonts|colours|filters|categories|gift boxes|themes|icons|product videos) (please|would be nice|would help|wanted)
(please|) (use|switch to|offer) (less plastic|paper packaging|recycled boxes|smaller boxes|reusable bags)( for everything| in future|)
my (dream|only wish|one wish)(: | is | would be )(a|an) {feature}
(i would|i'd) (pay extra|use the app more|shop more|be happy) (for|if you had|with) (a|an) {feature}
other shops have (a|an) {feature}, (you should too|why not you|please copy that)
(a|an) {feature} (would be (great|nice|lovely|cool|handy|a dream)|is what i miss|is missing|please|wanted)
(can|could) you (make it possible|change it so that i can|think about letting us) (to |){could}
""",
    "other": """
(thanks|thank you|many thanks|thx|cheers|ty|thank u)( so much| a lot| very much| for the quick (reply|help|answer)| for your help| to {name}| to the whole team| for everything|)
({name}|your colleague|the lady on the phone|the young man in the chat|your team) (was|is) (so |very |really |)(nice|kind|helpful|patient|friendly|great|rude|lovely)
(i love|love|we love|we like|big fan of) (your shop|you guys|this shop|your stuff|the new look|what you do|your service)
(great|best|awesome|fantastic|wonderful|lovely|perfect|super|good|nice) (shop|service|team|job|work|company|people)( ever|, thanks|, keep it up|)
(do you have|are there|any|looking for) (any |)(jobs|internships|open positions|vacancies|work for students|part time jobs)( in {place}| at your company| for me|)
(i'd like to|i want to|how can i|can i) (apply|work for you|send you my cv|become a driver|join your team)
(i am|i'm|this is) a (journalist|student|blogger|reporter|photographer|teacher|writer) (and|who) (would like an interview|have some questions|is writing about shops|wants to talk to your ceo|need a quote)
(we offer|we sell|we can do|interested in|do you need) (seo|web design|cheap ads|office cleaning|leads|followers|translation services|new windows|solar panels)( for your company| at low prices|)
(win|earn|get|make|claim) (a free iphone|{amount} a day|free bitcoin|big money|cash fast|your prize)( now| click here| from home| today|!!!)
(buy|cheap|best) (followers|pills|watches|crypto|loans|viagra)( here| online| now| click)
(you are|you're|u r|this is|this shop is|what) (a joke|awful|terrible|horrible|the worst|ridiculous|unbelievable|a disgrace|useless|idiots|a shame)
(i'm|i am|we are) (never|not) (going to|gonna) (shop|buy|order) (here|from you|in your shop) (again|any more)
(never again|i'm done with you|worst shop ever|i'll tell everyone|shame on you|i am furious|i'm so angry|fed up|you will hear from me|last time i buy here)
(hi|hello|hey|good morning|good evening|test|testing|ok|okay|hmm|??|asdf|yo|anyone there|hello is anybody there|are you a robot|are you human|who are you)
(problem solved|solved|it works now|never mind|nevermind|forget it|all good|got it|it's fine now|sorted|please ignore my last message|found it myself|no need to reply)(, thanks| now|)
(merry christmas|happy new year|happy easter|have a nice day|have a good weekend|greetings from {place}|happy birthday|get well soon)( to all of you| to the team|)
(i'm|i am) writing (an article|a paper|my thesis|a blog post|a book) (on|about) (small shops|online shopping|parcel boxes|web design) and (have|had) (some|three|a few) questions
(we|i) (would like|'d like|want) to (invite|interview|meet) (your|the) (ceo|founder|boss|team) (to our (conference|podcast|fair)|for our magazine|next month)
(this is|that's|it's) (ridiculous|a joke|crazy|so sad|a scandal|really bad|awesome|amazing|great)
(ok|okay|yes|ah|oh) (got it|thanks|i see|understood|found it|works)(, (solved|thanks|bye)|)
(testing|test|hello|hi|hey) (testing|test|test 1 2 3|world|again|you)
(who|what) (is|was) (your|the) (ceo|founder|owner|address|head office|phone number|press contact|fax number)
(where|in which city) (is|are) (your|the) (head office|company|offices|team) (based|located|)
(can i|i want to|let me|please let me|get me) (speak|talk|talk to|complain) to (a manager|the manager|a human|someone|your boss|a real person)
(i saw|nice|funny|i hate|loved) (your ad|your tv spot|the music in your ad|your advert|the commercial)( on tv| in the train| yesterday|)
(will you|would you|can you|could you) (sponsor|donate to|support) (our (club|school|festival|team|choir)|a good cause)
(we would|we'd|i'd) like to (invite you|cooperate|partner with you|become a supplier|sell our products in your shop|be an influencer for you)
(are you|is your shop|is the company) (on instagram|a real company|family owned|green|hiring|listed|owned by a big group)
(i have|there is|got) (a question|a problem|an issue|a complaint)( for you|, call me| about something|, please write back|)
(call me|please call|please call me back|write me|answer me|hello?|reply please|why does nobody answer)( on {weekday}| asap| please|)
(my cat|my dog|the weather|my neighbour|my gran) (is great|likes your box|says hello|loves your catalogue|sleeps in your parcel)
(bla bla|lorem ipsum|xxx|...|!!!|:-D|lol|haha|wow|no comment|whatever|k|yes|no|maybe)
""",
}
