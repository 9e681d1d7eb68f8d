"""Makes helsinki.ndjson, the sample city, from an OpenStreetMap extract in GeoJSON.

    python3 make.py DIRECTORY > helsinki.ndjson

Deterministic: the same extract gives the same bytes. See README.md for what becomes what.
"""

import json
import math
import sys
from pathlib import Path

PROVIDER = "© OpenStreetMap contributors, ODbL 1.0"
METRES_PER_DEGREE = 111_320
FARTHEST_METRES = 60


def main(directory):
    layers = {path.stem: json.loads(path.read_text())["features"] for path in directory.glob("*.geojson")}
    roads, segments = streets(layers["streets"])
    buildings = [building(f) for f in layers["buildings"]]
    near = Nearest(segments)
    entities = [
        *roads,
        *segments,
        *buildings,
        *stops(layers["bus-stops"] + layers["tram-stops"], near),
        *[access_point(f, near) for f in layers["subway-entrances"]],
        *[lamp(f, near) for f in layers["street-lamps"]],
        *[signal(f, near) for f in layers["traffic-signals"]],
        *[bicycles(f, near) for f in layers["bicycle-parking"]],
        *[place(f, buildings, near) for f in layers["places"]],
        *[e for e in map(green, layers["areas"]) if e],
        *[rails(f) for f in layers["railways"]],
    ]
    for entity in entities:
        print(json.dumps(entity, ensure_ascii=False, separators=(",", ":")))


def entity(kind, feature):
    ref = feature["id"].replace("/", "-")
    tags = feature["properties"]
    made = {"id": f"urn:ngsi-ld:{kind}:{ref}", "type": kind}
    names = {tag: tags[key] for tag, key in [("fi", "name"), ("sv", "name:sv"), ("en", "name:en")] if key in tags}
    if names:
        made["name"] = {"languageMap": names}
    if "addr:street" in tags:
        street = " ".join(filter(None, [tags["addr:street"], tags.get("addr:housenumber")]))
        made["address"] = {"value": {"streetAddress": street, "addressLocality": "Helsinki", "addressCountry": "FI"}}
    made["location"] = rounded(feature["geometry"])
    if "wikidata" in tags:
        made["seeAlso"] = f"https://www.wikidata.org/wiki/{tags['wikidata']}"
    return made


def sealed(made, feature):
    made["source"] = f"https://www.openstreetmap.org/{feature['id']}"
    made["dataProvider"] = PROVIDER
    return made


def rounded(geometry):
    def walk(x):
        return [walk(y) for y in x] if isinstance(x, list) else round(x, 6)
    return {"type": geometry["type"], "coordinates": walk(geometry["coordinates"])}


def number(text):
    digits = text.split()[0] if text else ""
    try:
        value = float(digits)
    except ValueError:
        return None
    return int(value) if value == int(value) else value


def put(made, name, value, unit=None):
    if value is not None:
        made[name] = {"value": value, "unitCode": unit} if unit else value


def streets(features):
    roads, segments = {}, []
    for f in features:
        tags = f["properties"]
        made = entity("RoadSegment", f)
        made["roadClass"] = tags["highway"]
        put(made, "maximumAllowedSpeed", number(tags.get("maxspeed")), "KMH")
        put(made, "totalLaneNumber", number(tags.get("lanes")))
        put(made, "surface", tags.get("surface"))
        if tags.get("oneway") == "yes":
            made["category"] = ["oneway"]
        if "lit" in tags:
            made["lit"] = tags["lit"] in ("yes", "24/7")
        made["length"] = {"value": round(length(made["location"]["coordinates"]), 1), "unitCode": "MTR"}
        if "name" in tags:
            slug = "".join(c if c.isalnum() else "-" for c in tags["name"])
            road = f"urn:ngsi-ld:Road:{slug}"
            made["refRoad"] = {"object": road}
            known = roads.setdefault(road, {"id": road, "type": "Road", "name": made["name"], "segments": []})
            known["segments"].append(made["id"])
        segments.append(sealed(made, f))
    finished = []
    for road in roads.values():
        parts = road.pop("segments")
        road["refRoadSegment"] = {"object": parts if len(parts) > 1 else parts[0]}
        road["dataProvider"] = PROVIDER
        finished.append(road)
    return finished, segments


def building(f):
    tags = f["properties"]
    made = entity("Building", f)
    kind = tags["building"]
    category = [] if kind in ("yes", "block") else [kind]
    category += [tags["amenity"]] if "amenity" in tags and tags["amenity"] not in category else []
    put(made, "category", category or None)
    put(made, "floorsAboveGround", number(tags.get("building:levels")))
    put(made, "height", number(tags.get("height")), "MTR")
    put(made, "architect", tags.get("architect"))
    put(made, "openingHours", tags.get("opening_hours"))
    put(made, "wheelChairAccessible", tags.get("wheelchair"))
    return sealed(made, f)


def stops(features, near):
    by_id = {}
    for f in features:
        tags = f["properties"]
        if f["id"] not in by_id:
            made = entity("PublicTransportStop", f)
            made["transportationType"] = []
            put(made, "stopCode", tags.get("ref"))
            if tags.get("shelter") in ("yes", "no"):
                made["shelter"] = tags["shelter"] == "yes"
            put(made, "wheelChairAccessible", tags.get("wheelchair"))
            near.link(made)
            by_id[f["id"]] = sealed(made, f)
        kinds = by_id[f["id"]]["transportationType"]
        for kind, present in [("bus", "highway" in tags), ("tram", "railway" in tags)]:
            if present and kind not in kinds:
                kinds.append(kind)
    return by_id.values()


def access_point(f, near):
    tags = f["properties"]
    made = entity("GtfsAccessPoint", f)
    put(made, "code", tags.get("ref"))
    put(made, "wheelChairAccessible", tags.get("wheelchair"))
    near.link(made)
    return sealed(made, f)


def lamp(f, near):
    made = entity("Streetlight", f)
    near.link(made)
    return sealed(made, f)


def signal(f, near):
    made = entity("TrafficSignal", f)
    near.link(made)
    return sealed(made, f)


def bicycles(f, near):
    made = entity("OnStreetParking", f)
    made["allowedVehicleType"] = "bicycle"
    put(made, "totalSpotNumber", number(f["properties"].get("capacity")))
    near.link(made)
    return sealed(made, f)


def place(f, buildings, near):
    tags = f["properties"]
    parking = tags.get("amenity") == "parking"
    made = entity("OffStreetParking" if parking else "PointOfInterest", f)
    if parking:
        made["allowedVehicleType"] = "car"
        put(made, "totalSpotNumber", number(tags.get("capacity")))
    else:
        kinds = [tags[key] for key in ("amenity", "tourism", "shop", "leisure", "historic") if key in tags]
        put(made, "category", kinds or None)
        put(made, "cuisine", tags["cuisine"].split(";") if "cuisine" in tags else None)
    put(made, "openingHours", tags.get("opening_hours"))
    put(made, "wheelChairAccessible", tags.get("wheelchair"))
    point = f["geometry"]["coordinates"]
    home = next((b for b in buildings if inside(point, b["location"]["coordinates"][0])), None)
    if home:
        made["refBuilding"] = {"object": home["id"]}
    near.link(made)
    return sealed(made, f)


def green(f):
    tags = f["properties"]
    kind = {"park": "Park", "garden": "Garden", "playground": "Playground"}.get(tags.get("leisure"))
    if kind is None:
        return None
    return sealed(entity(kind, f), f)


def rails(f):
    tags = f["properties"]
    made = entity("RailwaySegment", f)
    made["railwayType"] = tags["railway"]
    put(made, "maximumAllowedSpeed", number(tags.get("maxspeed")), "KMH")
    put(made, "gauge", number(tags.get("gauge")), "MMT")
    return sealed(made, f)


def metres(point):
    east = math.cos(math.radians(60.17)) * METRES_PER_DEGREE
    return point[0] * east, point[1] * METRES_PER_DEGREE


def length(line):
    return sum(math.dist(metres(a), metres(b)) for a, b in zip(line, line[1:]))


def inside(point, ring):
    x, y = point
    odd = False
    for (ax, ay), (bx, by) in zip(ring, ring[1:]):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            odd = not odd
    return odd


class Nearest:
    """Finds the street segment nearest to a point."""

    def __init__(self, segments):
        self.parts = []
        for segment in segments:
            line = [metres(p) for p in segment["location"]["coordinates"]]
            self.parts += [(a, b, segment["id"]) for a, b in zip(line, line[1:])]

    def link(self, made):
        x, y = metres(made["location"]["coordinates"])
        distance, segment = min((self.distance(x, y, a, b), ref) for a, b, ref in self.parts)
        if distance <= FARTHEST_METRES:
            made["refRoadSegment"] = {"object": segment}

    @staticmethod
    def distance(x, y, a, b):
        dx, dy = b[0] - a[0], b[1] - a[1]
        square = dx * dx + dy * dy
        along = 0 if square == 0 else max(0, min(1, ((x - a[0]) * dx + (y - a[1]) * dy) / square))
        return math.hypot(x - a[0] - along * dx, y - a[1] - along * dy)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
