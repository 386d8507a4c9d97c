"""How a message is said: sentiment, the reason and amount it names, and attempts to instruct the machine.

All of this is the customer's word: it may only restrict. Simple word lists, so that anyone can see why.
"""

import re

from apps.policies.money import BadAmount, Money, exact_amount

_NEGATIVE = re.compile(
    r"\b(angry|annoy\w*|appall\w*|awful|bad(ly)?|broken?|cheat\w*|complain\w*|crap|damaged?|defective|disappoint\w*|"
    r"disgust\w*|fail\w*|fraud\w*|frustrat\w*|furious|garbage|hate|horrible|joke|late|lie[ds]?|lying|lousy|missing|"
    r"mess|never (again|arriv\w*|came|got)|not (happy|acceptable|working|good)|outrag\w*|pathetic|poor|problem\w*|"
    r"rip.?off|robbed|rubbish|rude|scam\w*|shame\w*|shit\w*|stole|stolen|terribl\w*|unacceptable|unhappy|upset|"
    r"useless|waste|worst|wrong|wtf|claim|reclamation|sue|lawyer)\b",
    re.I,
)
_POSITIVE = re.compile(
    r"\b(amazing|appreciate\w*|awesome|brilliant|excellent|fantastic|glad|great|happy|kind|love\w*|perfect\w*|"
    r"pleased|superb|thank\w*|thanks|wonderful)\b",
    re.I,
)
_REASONS = (
    ("damaged", re.compile(r"\b(damag\w*|broke\w*|crack\w*|shatter\w*|dent\w*|leak\w*|defect\w*|torn)\b", re.I)),
    ("wrong_item", re.compile(r"\b(wrong (item|product|size|colou?r|article|one)|not what i ordered)\b", re.I)),
    ("not_received", re.compile(r"\b(never (came|arriv\w*|got)|not (arrived|received|here)|did ?n.?t arrive)\b", re.I)),
    ("late", re.compile(r"\b(late|delay\w*|too long|weeks? ago)\b", re.I)),
    ("changed_mind", re.compile(r"\b(changed my mind|do ?n.?t (want|need|like)|no longer (want|need))\b", re.I)),
)  # fmt: skip
_INJECTION = re.compile(
    r"(ignore|disregard|forget)\s+(all\s+|any\s+|the\s+|your\s+)*(previous|prior|above|earlier|instruction|rule|polic)"
    r"|system prompt|you are now|act as (an?|the) (admin|manager|supervisor|developer)|</?(system|assistant|tool)>"
    r"|\b(approve|grant|issue) (this|the|my)? ?refund automatically\b|override (the )?(polic|rule|boundar)",
    re.I,
)
# Misspelt too: to say what is on record about a refund to somebody who did not ask costs nothing.
_REFUND = re.compile(
    r"\b(ref+u?nd\w*|re-?imb\w*|rebat\w*|comp\w{0,4}sat\w*|rest\w{0,3}tut\w*|money back|repay\w*|repaid)\b", re.I
)
_CLAIMED = re.compile(
    r"[$€£]\s?(\d[\d,]*(?:\.\d{1,2})?)|(\d[\d,]*(?:\.\d{1,2})?)\s?(?:dollars?|euros?|pounds?|usd|eur|gbp)\b", re.I
)


_CANCEL = re.compile(
    r"\b(cancel\w*|call off|do ?n.?t (want|need) (it|this|the order|my order)|stop (the|my) order)\b", re.I
)
_ADDRESS = re.compile(
    r"\b(address|street|house number|post ?code|zip( code)?|deliver(y|ed)? (it )?to|send it to|moved)\b", re.I
)
_ITEMS = re.compile(
    r"\b(items?|articles?|products?|pieces?|sizes?|colou?rs?|quantity|add|remove|swap|exchange|instead|one of|only|also|"
    r"replace|delete|increase|reduce|wrong)\b",
    re.I,
)


def change_wanted(text: str) -> str:
    """What of an order the text wants changed: "cancel" (all of it), "address", "items", or "unclear"."""
    address, items, cancel = (bool(pattern.search(text)) for pattern in (_ADDRESS, _ITEMS, _CANCEL))
    if cancel and not address and not items:
        return "cancel"
    if cancel or address == items:
        return "unclear"
    return "address" if address else "items"


def sentiment(text: str) -> str:
    """`negative`, `neutral` or `positive`; one bad word outweighs good ones."""
    if _NEGATIVE.search(text):
        return "negative"
    return "positive" if _POSITIVE.search(text) else "neutral"


def reason(text: str) -> str | None:
    return next((name for name, pattern in _REASONS if pattern.search(text)), None)


def asks_about_refund(text: str) -> bool:
    return bool(_REFUND.search(text))


def injection_suspected(text: str) -> bool:
    return bool(_INJECTION.search(text))


def claimed_amount(text: str, currency: str) -> Money | None:
    """The first amount the text names, read in the brand's currency."""
    found = _CLAIMED.search(text)
    if found is None:
        return None
    try:
        return Money(exact_amount((found[1] or found[2]).replace(",", "")), currency)
    except BadAmount:
        return None
