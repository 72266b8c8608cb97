"""The tables of the world: words by split, written by hand for this project."""

from __future__ import annotations

IRREGULAR = {
    "man": "men", "woman": "women", "wolf": "wolves", "mouse": "mice", "fox": "foxes",
    "princess": "princesses", "box": "boxes", "cherry": "cherries",
}  # fmt: skip

COUPLES = {
    "train": "boy girl, man woman, king queen, father mother, uncle aunt",
    "validation": "son daughter, prince princess",
    "test": "brother sister, dad mom, grandfather grandmother",
}
WORKERS = {
    "train": "teacher farmer doctor baker student sailor singer driver",
    "validation": "nurse writer",
    "test": "cook hunter painter soldier",
}
ANIMALS = {
    "train": "dog cat horse cow goat bear lion monkey pig fox",
    "validation": "camel tiger donkey zebra",
    "test": "wolf rabbit mouse elephant frog panda",
}
SQUARES = {
    "train": """big large | small little | being
        happy glad | sad unhappy | being
        loud noisy | quiet silent | being
        strong powerful | weak feeble | being
        kind caring | mean cruel | person
        rich wealthy | poor needy | person
        tidy neat | messy sloppy | person
        hard difficult | easy simple | test puzzle
        dark gloomy | bright sunny | room hall
        safe secure | dangerous risky | bridge path
        right correct | wrong incorrect | answer word
        strange odd | normal usual | sound dream
        tall high | short low | wall fence""",
    "validation": """fat chubby | thin skinny | being
        bold daring | shy timid | being
        wise sensible | silly foolish | person
        sweet sugary | sour tart | sauce pie
        old ancient | new modern | temple statue""",
    "test": """angry mad | calm relaxed | being
        funny amusing | serious solemn | person
        lazy idle | busy active | being
        young youthful | aged elderly | person
        careful cautious | careless reckless | person
        sick ill | healthy fit | being
        smooth even | rough bumpy | road street
        rare unusual | common ordinary | coin stamp
        real genuine | fake false | ring diamond""",
}
KINDS = {
    "train": """bird: robin eagle owl crow duck hen swan
        fruit: apple pear plum peach cherry lemon banana
        tool: hammer spade axe rake drill
        instrument: drum flute piano guitar violin
        building: barn church castle tower house
        tree: oak pine elm maple""",
    "validation": """flower: rose lily daisy tulip
        vegetable: carrot potato onion bean pea""",
    "test": """insect: bee ant moth wasp beetle
        vehicle: car bus truck van bike
        toy: doll kite ball block robot
        fish: shark salmon trout tuna cod""",
}
COMPARATIVES = {
    "train": "bigger smaller, stronger weaker, happier sadder, faster slower, louder quieter,"
    "taller shorter, richer poorer",
    "validation": "heavier lighter, fatter thinner",
    "test": "older younger, angrier calmer, lazier busier",
}
GOODS = {
    "train": "apple pear plum lemon peach hammer drum",
    "validation": "carrot onion rose tulip",
    "test": "doll kite ball block robot car",
}
TOPICS = {
    "train": "film story song book meal trip game picture",
    "validation": "party speech dress",
    "test": "show match lesson letter concert holiday",
}
PRAISE = {
    "train": "excellent horrible, pleasant unpleasant, perfect lousy",
    "validation": "super dreadful, charming annoying",
    "test": "brilliant miserable, delightful disgusting, fantastic ugly",
}
COLORS = {
    "train": "red blue green black white",
    "validation": "pink brown",
    "test": "yellow gray purple",
}
PLACES = {
    "train": "in the barn, near the river, in the park, at home, in the garden, behind the tree",
    "validation": "on the farm, in the forest, near the sea",
    "test": "in the town, near the lake, at school, on the hill",
}
TIMES = {
    "train": "in the morning, at night, at noon, on monday",
    "validation": "in the afternoon, on sunday",
    "test": "in the evening, on friday, after lunch",
}
CAUSES = {
    "train": """A called B | A helped B | needed help
        A asked B for food | A fed B | was hungry
        A helped B | A thanked B | was kind
        A followed B | A led B | was lost
        A lost to B | A won against B | was slow
        A could not carry B | A could not carry B | was too weak / was too heavy
        A could not catch B | A could not catch B | was too slow / was too fast""",
    "validation": """A asked B for water | A gave water to B | was thirsty
        A asked B for help | A saved B | was in danger
        A could not find B | A could not find B | was too sleepy / was hiding""",
    "test": """A asked B to wait | A carried B | was tired
        A took a coat from B | A gave a coat to B | was cold
        A hid from B | A ran from B | was afraid / was angry
        A could not hear B | A could not hear B | was asleep / was whispering""",
}

CORE_PRAISE = (
    ("good", "bad"), ("great", "awful"), ("nice", "terrible"),
    ("lovely", "boring"), ("fun", "dull"), ("wonderful", "nasty"),
)  # fmt: skip
"""Words of liking and disliking that every split may use."""


NAMES = (("Tom", "he"), ("Ann", "she"), ("Sam", "he"), ("Mia", "she"), ("Ben", "he"),
         ("Lucy", "she"), ("Max", "he"), ("Ella", "she"), ("Jack", "he"),
         ("Nina", "she"))  # fmt: skip
NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
