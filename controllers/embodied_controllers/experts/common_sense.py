"""Where things usually lie in a household, and in which order to look for them.

Which receptacle types can hold an object type at all is a rule of ALFWorld
(`alfworld.gen.constants.VAL_RECEPTACLE_OBJECTS`, without the receptacles that can be carried). The
order within a row, from the most to the least likely, is general knowledge of homes and was not
fitted to any set of games.
"""

from collections import Counter
from collections.abc import Iterable

CLOSABLE = frozenset({"cabinet", "drawer", "fridge", "microwave", "safe"})
"""Receptacle types that are usually closed: to look into one takes two steps instead of one."""

OBJECT_PLACES: dict[str, str] = {
    # food
    "apple": "countertop diningtable fridge sinkbasin sidetable garbagecan microwave coffeetable",
    "bread": "countertop diningtable fridge sidetable microwave garbagecan coffeetable",
    "egg": "fridge countertop diningtable sinkbasin garbagecan microwave sidetable coffeetable",
    "lettuce": "countertop fridge diningtable sinkbasin garbagecan sidetable coffeetable",
    "potato": "countertop diningtable fridge sinkbasin garbagecan microwave sidetable coffeetable",
    "tomato": "countertop diningtable fridge sinkbasin garbagecan sidetable microwave coffeetable",
    "winebottle": "countertop diningtable fridge cabinet shelf garbagecan sidetable coffeetable "
    "dresser desk",
    # cutlery and cooking
    "butterknife": "countertop diningtable drawer sinkbasin sidetable coffeetable",
    "fork": "countertop diningtable drawer sinkbasin sidetable coffeetable",
    "kettle": "stoveburner countertop diningtable cabinet shelf sinkbasin sidetable coffeetable",
    "knife": "countertop diningtable drawer sinkbasin sidetable coffeetable",
    "ladle": "countertop diningtable drawer sinkbasin cabinet sidetable coffeetable",
    "pan": "stoveburner countertop diningtable sinkbasin cabinet fridge sidetable coffeetable",
    "peppershaker": "countertop diningtable cabinet shelf drawer sidetable coffeetable",
    "pot": "stoveburner countertop diningtable sinkbasin cabinet fridge shelf sidetable "
    "coffeetable",
    "saltshaker": "countertop diningtable cabinet shelf drawer sidetable coffeetable",
    "spatula": "countertop diningtable drawer sinkbasin sidetable coffeetable",
    "spoon": "countertop diningtable drawer sinkbasin sidetable coffeetable",
    # dishes
    "bowl": "countertop diningtable cabinet shelf sinkbasin coffeetable desk sidetable fridge "
    "dresser microwave",
    "cup": "countertop diningtable sinkbasin cabinet shelf fridge microwave sidetable desk "
    "coffeetable dresser",
    "glassbottle": "countertop diningtable shelf cabinet fridge sinkbasin sidetable coffeetable "
    "desk dresser microwave",
    "mug": "countertop coffeemachine desk diningtable sinkbasin shelf cabinet sidetable microwave "
    "coffeetable fridge dresser cart",
    "plate": "countertop diningtable cabinet sinkbasin shelf fridge microwave coffeetable "
    "sidetable desk dresser",
    # bathroom and cleaning
    "cloth": "bathtubbasin countertop sinkbasin toilet cabinet laundryhamper shelf drawer cart "
    "garbagecan sidetable dresser desk diningtable coffeetable ottoman armchair sofa",
    "dishsponge": "sinkbasin countertop diningtable bathtubbasin cabinet drawer shelf garbagecan "
    "toilet cart sidetable coffeetable",
    "handtowel": "handtowelholder countertop sinkbasin cabinet toilet bathtubbasin drawer shelf "
    "cart sidetable garbagecan diningtable coffeetable",
    "papertowel": "countertop diningtable toilet shelf garbagecan cart sidetable coffeetable",
    "plunger": "cabinet cart",
    "soapbar": "sinkbasin countertop bathtubbasin toilet cabinet drawer garbagecan shelf cart "
    "sidetable diningtable coffeetable",
    "soapbottle": "countertop toilet cabinet diningtable shelf drawer garbagecan cart sidetable "
    "desk coffeetable",
    "spraybottle": "countertop toilet cabinet shelf garbagecan drawer cart sidetable dresser "
    "diningtable desk coffeetable",
    "tissuebox": "toilet countertop sidetable coffeetable desk dresser diningtable tvstand shelf "
    "cabinet drawer cart garbagecan",
    "toiletpaper": "toiletpaperhanger toilet cabinet countertop garbagecan drawer shelf cart "
    "sidetable dresser desk diningtable coffeetable",
    "toiletpaperroll": "toiletpaperhanger toilet cabinet countertop garbagecan drawer shelf cart "
    "sidetable dresser desk diningtable coffeetable",
    "towel": "towelholder",
    # living and sleeping
    "alarmclock": "desk sidetable dresser shelf coffeetable diningtable countertop",
    "baseballbat": "bed sidetable coffeetable diningtable countertop",
    "basketball": "bed desk armchair sofa dresser sidetable ottoman coffeetable diningtable "
    "countertop",
    "book": "desk bed shelf sidetable coffeetable sofa dresser diningtable drawer armchair cabinet "
    "ottoman countertop",
    "box": "coffeetable sofa diningtable armchair dresser desk sidetable shelf ottoman cabinet "
    "countertop",
    "candle": "countertop toilet coffeetable shelf sidetable diningtable cabinet dresser desk cart "
    "drawer",
    "cd": "desk shelf sidetable dresser drawer coffeetable diningtable garbagecan safe cabinet "
    "countertop",
    "cellphone": "desk bed sidetable dresser sofa coffeetable armchair diningtable countertop "
    "drawer shelf ottoman safe",
    "creditcard": "desk sidetable dresser coffeetable diningtable countertop sofa armchair shelf "
    "drawer ottoman safe",
    "keychain": "desk sidetable dresser coffeetable diningtable sofa armchair countertop shelf "
    "drawer safe ottoman",
    "laptop": "desk bed coffeetable diningtable sofa armchair sidetable dresser ottoman countertop",
    "newspaper": "coffeetable sofa diningtable armchair sidetable desk dresser toilet ottoman "
    "shelf garbagecan drawer bed countertop cabinet",
    "pen": "desk sidetable shelf dresser drawer coffeetable diningtable garbagecan countertop",
    "pencil": "desk sidetable shelf dresser drawer coffeetable diningtable garbagecan countertop",
    "pillow": "bed sofa armchair ottoman",
    "remotecontrol": "sofa coffeetable armchair sidetable dresser diningtable desk drawer shelf "
    "ottoman countertop",
    "statue": "shelf coffeetable dresser sidetable diningtable desk countertop cart safe",
    "tennisracket": "bed desk dresser sidetable coffeetable diningtable countertop",
    "vase": "shelf diningtable coffeetable sidetable dresser desk countertop cabinet cart safe",
    "watch": "desk sidetable dresser coffeetable diningtable shelf countertop drawer safe",
    "wateringcan": "sidetable shelf coffeetable diningtable countertop desk dresser cabinet drawer",
}
"""Object type to receptacle types, from the most to the least likely."""

LAMP_PLACES: dict[str, str] = {
    "desklamp": "desk sidetable dresser shelf coffeetable diningtable",
    "floorlamp": "sofa armchair bed",
}
"""Lamp type to receptacle types. ALFWorld's rules are silent on lamps: they cannot be carried."""


def type_of(name: str) -> str:
    """Return the type in a numbered name: `type_of("desk 2")` is `"desk"`."""
    return name.rsplit(" ", 1)[0]


def number_of(name: str) -> int:
    """Return the number in a numbered name: `number_of("desk 2")` is `2`."""
    return int(name.rsplit(" ", 1)[1])


def search_order(object_type: str, places: Iterable[str]) -> list[str]:
    """Sort `places` (numbered receptacles of one room) for the cheapest search for `object_type`.

    The cheapest order visits first what is most likely per step that it costs. The likelihood of a
    receptacle type falls as one over its rank in the table, and the places of that type share it.
    Receptacle types that are not in the object's row come last, open ones first; none is left out.
    """
    places = list(places)
    row = (OBJECT_PLACES | LAMP_PLACES).get(object_type.removesuffix("sliced"), "").split()
    share = {kind: 1 / (row.index(kind) + 1) for kind in row}
    count = Counter(map(type_of, places))

    def preference(place: str) -> tuple[float, int, str, int]:
        kind = type_of(place)
        steps = 2 if kind in CLOSABLE else 1
        return -share.get(kind, 0) / count[kind] / steps, steps, kind, number_of(place)

    return sorted(places, key=preference)
