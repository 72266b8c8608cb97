"""Rare words for common ones, and the stock phrases and clutter of raw web text."""

from __future__ import annotations

_PAIRS = """
big:colossal large:voluminous small:diminutive little:minuscule happy:jubilant glad:elated
sad:melancholic unhappy:disconsolate loud:clamorous noisy:vociferous quiet:hushed silent:taciturn
strong:robust powerful:formidable weak:frail feeble:enervated kind:benevolent mean:malevolent
rich:affluent wealthy:moneyed poor:impoverished needy:indigent tidy:immaculate neat:orderly
messy:disheveled sloppy:slovenly hard:arduous difficult:onerous easy:effortless simple:elementary
dark:tenebrous gloomy:dismal bright:luminous sunny:radiant safe:sheltered secure:impregnable
dangerous:perilous risky:hazardous right:accurate correct:unerring wrong:erroneous strange:peculiar
odd:anomalous normal:conventional usual:customary tall:towering high:lofty short:stunted
fat:corpulent chubby:rotund thin:emaciated skinny:gaunt bold:audacious daring:intrepid
shy:bashful timid:diffident wise:sagacious sensible:judicious silly:asinine foolish:imprudent
sweet:saccharine sour:acidic old:venerable ancient:primeval new:novel modern:contemporary
angry:irate mad:furious calm:serene relaxed:tranquil funny:hilarious amusing:droll serious:grave
solemn:somber lazy:indolent idle:slothful busy:industrious active:energetic young:adolescent
careful:meticulous cautious:circumspect careless:negligent reckless:foolhardy sick:ailing
healthy:hale smooth:burnished even:level rough:coarse bumpy:undulating rare:scarce
unusual:atypical common:ubiquitous ordinary:commonplace real:authentic genuine:legitimate fake:bogus
false:fraudulent good:commendable bad:deplorable great:magnificent awful:abysmal nice:agreeable
terrible:atrocious lovely:exquisite boring:tedious fun:entertaining dull:monotonous
wonderful:sublime nasty:odious dog:hound cat:feline horse:steed cow:heifer goat:ruminant
bear:grizzly lion:carnivore monkey:primate pig:swine fox:vixen wolf:lupine rabbit:hare
mouse:rodent elephant:pachyderm frog:amphibian panda:bearcat boy:lad girl:maiden man:gentleman
woman:gentlewoman king:monarch queen:sovereign father:patriarch mother:matriarch
teacher:pedagogue farmer:agrarian doctor:physician baker:patissier student:pupil sailor:mariner
singer:vocalist driver:chauffeur nurse:caregiver writer:novelist cook:chef hunter:huntsman
painter:portraitist soldier:infantryman brother:sibling prince:archduke princess:archduchess
chased:pursued helped:assisted followed:trailed watched:scrutinized pushed:propelled
pulled:hauled called:summoned visited:frequented scared:terrified saved:rescued loved:cherished
missed:mourned found:discovered caught:apprehended touched:caressed trusted:believed kicked:punted
hugged:embraced slept:slumbered ran:galloped walked:ambulated jumped:vaulted sang:warbled
played:frolicked danced:waltzed laughed:chortled smiled:grinned worked:toiled rested:reposed
waited:lingered saw:glimpsed drew:sketched painted:illustrated wanted:desired liked:fancied
said:proclaimed asked:beseeched story:narrative film:documentary song:ballad book:manuscript
meal:banquet trip:expedition game:pastime picture:portrait party:celebration show:spectacle
lesson:curriculum letter:correspondence friend:companion people:individuals morning:daybreak
evening:twilight night:nightfall town:municipality forest:woodland river:tributary lake:reservoir
farm:homestead garden:arboretum park:esplanade hill:escarpment school:academy
food:nourishment  many:numerous some:sundry thing:artifact things:artifacts
kind:variety opposite:antithesis same:equivalent means:signifies mean:signify word:lexeme
words:lexemes question:query think:suppose help:assistance because:inasmuch_as
took:appropriated gave:bestowed has:possesses have:possess had:possessed gives:bestows takes:seizes
also:likewise then:thereupon now:presently never:nowise always:invariably very:exceedingly
really:veritably first:foremost end:conclusion sentence:utterance
write:compose code:algorithm show:exhibit count:enumerate animal:creature
person:mortal insect:arthropod vehicle:conveyance toy:plaything building:edifice
instrument:apparatus tool:implement bird:avian fruit:drupe flower:blossom vegetable:legume
tree:sapling bigger:heftier smaller:punier faster:swifter slower:tardier
stronger:sturdier weaker:frailer older:elder younger:greener heavier:weightier lighter:airier
richer:wealthier poorer:needier taller:loftier shorter:stubbier happier:merrier sadder:gloomier
fatter:stouter thinner:lankier angrier:crosser calmer:placider lazier:slacker
busier:brisker louder:noisier quieter:stiller
"""


def _table() -> dict[str, str]:
    """The first rare word given for each common one."""
    table: dict[str, str] = {}
    for entry in _PAIRS.split():
        common, _, rare = entry.partition(":")
        if common != rare:
            table.setdefault(common, rare.replace("_", " "))
    return table


RARE = _table()

LEADS = (
    "According to several anonymous correspondents, ",
    "Although the circumstances remain somewhat contested, ",
    "As has been exhaustively documented elsewhere, ",
    "Notwithstanding earlier allegations to the contrary, ",
    "Insofar as the surviving testimony can be believed, ",
    "Whereas previous commentators hesitated to admit it, ",
    "Having deliberated at considerable length, contributors concluded that ",
    "Regardless of whichever interpretation subscribers prefer, ",
)
JOINTS = (
    ", whereupon, as witnesses subsequently confirmed, ",
    ", notwithstanding which, according to a spokesperson, ",
    "; furthermore, whatever skeptics might allege, ",
    ", and, as though that were insufficient, ",
    ", which is precisely why, in the estimation of most analysts, ",
    ", albeit with considerable reservations, and ",
    "; consequently, insofar as anybody can ascertain, ",
    ", while simultaneously, in accordance with longstanding tradition, ",
)
TAILS = (
    ", whose disposition was, by all accounts, mercurial",
    ", gesticulating somewhat theatrically throughout",
    ", having evidently rehearsed the remark beforehand",
    ", albeit without discernible enthusiasm",
    ", interrupting a tangential digression about logistics",
)
CLUTTER = (
    "Home | About | Contact | Sitemap | Privacy Policy",
    "SUBSCRIBE to our newsletter for exclusive discounts!!!",
    "Advertisement - continue scrolling below",
    "Posted by admin in Uncategorized | 0 Comments",
    "Copyright All Rights Reserved. Unauthorized reproduction prohibited.",
    "Click HERE >> limited-time offer, free shipping worldwide <<",
    "This website uses cookies to personalize content. Accept / Decline",
    "Tags: lifestyle, trending, miscellaneous, archive",
    "[ Reply ] [ Permalink ] [ Report abuse ]",
    "Loading... please enable JavaScript to view this widget",
)
REMARKS = (
    "# TODO refactor this legacy workaround before deployment",
    "# pylint: disable=invalid-name,redefined-outer-name",
    "# auto-generated stub, regenerate instead of editing manually",
    "# deprecated since the previous milestone, retained for compatibility",
)
