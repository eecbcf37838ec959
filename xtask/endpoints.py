"""Writes the endpoint table, the lists that test it, and that of operations that hand out credentials, from botocore.

    python xtask/endpoints.py <repository>

Output depends on botocore's data alone. `cargo xtask endpoints` runs it.
"""

import collections
import re
import sys

import botocore.session

import botocore_credentials
import botocore_directory_buckets
import botocore_hosts
import botocore_scopes
from botocore_hosts import ACCOUNT, ENDPOINT_ID, NAME, STREAM_ID

PSEUDO_REGION = re.compile(r"aws(-[a-z-]+)?-global")
# Their forms are AWS's documentation's, not a table's: `src/endpoint/s3.rs`.
S3_NAMES = {"s3", "s3-outposts", "s3express", "s3-object-lambda"}
# Written by hand in `src/endpoint/documented.rs`, for their labels stand in no common order.
BY_HAND = {"signin", "osm", "neptune-graph"}


def main(root):
    session = botocore.session.Session()
    partitions = session.get_component("data_loader").load_data("partitions")["partitions"]
    hosts = botocore_hosts.hosts()
    if len(partitions) > 8:
        sys.exit("the table has room for 8 partitions")
    places = Places(partitions)
    scopes = botocore_scopes.rows(partitions)
    operations = botocore_scopes.survey(partitions)
    for path, text in {
        "docs/credentials.md": botocore_credentials.document(),
        "tests/data/botocore-directory-buckets.txt": botocore_directory_buckets.request_list(),
        "tests/data/botocore-hosts.txt": host_list(hosts, places),
        "tests/data/botocore-operations.txt": operation_list(operations),
        "src/endpoint/table.rs": table(hosts, places, partitions),
        "src/endpoint/scopes.txt": scope_table(scopes),
    }.items():
        with open(f"{root}/{path}", "w") as file:
            file.write(text)


class Places:
    """Splits hosts into the labels left of the place, the place, and what is right of it."""

    def __init__(self, partitions):
        self.partition_of = {r: i for i, p in enumerate(partitions) for r in p["regions"]}
        self.suffixes = {}
        for i, p in enumerate(partitions):
            self.suffixes.setdefault(p["outputs"]["dnsSuffix"], (i, 0))
            self.suffixes.setdefault(p["outputs"]["dualStackDnsSuffix"], (i, 1))

    def split(self, host):
        """(left labels, region or "", the rest)"""
        labels = host.split(".")
        for i in reversed(range(len(labels))):
            if labels[i] in self.partition_of:
                return ".".join(labels[:i]), labels[i], ".".join(labels[i + 1 :])
        return host, "", ""

    def suffix(self, host):
        """(labels before the suffix, (index of the suffix's first partition, dual-stack))"""
        for suffix, key in sorted(self.suffixes.items(), key=lambda item: -len(item[0])):
            if host.endswith("." + suffix):
                return host[: -len(suffix) - 1], key
        return host, None


def host_list(hosts, places):
    """Lossless: each host once, those that differ in region and suffix only on one line."""
    groups = collections.defaultdict(set)
    for host, (name, region, algorithm) in hosts.items():
        left, own, right = places.split(host)
        if own == "":
            groups[(host, name, region, algorithm)].add("")
        else:
            signed = "=" if region == own else region
            groups[(left, name, signed, algorithm)].add(f"{own}.{right}")
    sets = common_sets(groups.values(), places)
    lines = [
        f"# The {len(hosts)} hosts that botocore resolves. "
        "Written by `cargo xtask endpoints`; do not edit.",
        "# A line `@<set> <suffix> <region>...` names places (region and suffix). Any other line is",
        "# `<labels> <signing name> <signing region> <algorithm> <@set or place>...`: each place is",
        "# a host <labels>.<place> (`.`: no labels), and no place means that the labels are the",
        "# host. The signing region `=` is the place's own, `~` the client's.",
    ]
    for number, members in enumerate(sets):
        right = members[0].split(".", 1)[1]
        lines.append(" ".join([f"@{number}", right, *(m.split(".", 1)[0] for m in members)]))
    numbers = {members: f"@{number}" for number, members in enumerate(sets)}
    for key, found in sorted(groups.items()):
        words = []
        for members in by_suffix(found, places):
            if members != ("",):
                words += [numbers[members]] if members in numbers else members
        lines.append(" ".join([key[0] or ".", *key[1:], *words]))
    return "\n".join(lines) + "\n"


def by_suffix(found, places):
    """The places of each partition and suffix."""
    parts = collections.defaultdict(list)
    for place in sorted(found):
        region, _, right = place.partition(".")
        parts[(right, places.partition_of.get(region, -1))].append(place)
    return [tuple(members) for _, members in sorted(parts.items())]


def common_sets(groups, places):
    """Those that several lines share."""
    seen = collections.Counter(
        members for found in groups for members in by_suffix(found, places) if members != ("",)
    )
    return sorted(members for members, times in seen.items() if times > 1)


def plain(labels):
    """Labels without what marks a FIPS endpoint, as `resolve` reads them."""
    return labels.replace("-fips", "", 1).removeprefix("fips.")


def table(hosts, places, partitions):
    homes = collections.defaultdict(lambda: collections.defaultdict(list))
    for host, (name, region, algorithm) in sorted(hosts.items()):
        if name in S3_NAMES | BY_HAND or algorithm == "SigV4A":
            continue
        before, suffix = places.suffix(host)
        if suffix is None:
            sys.exit(f"a suffix of no partition: {host} {name}")
        partition, dual = suffix
        left, own, right = places.split(before)
        if right not in ("", "us-gov"):
            sys.exit(f"labels right of the region: {host} {name}")
        if own:
            kind = 1 if PSEUDO_REGION.fullmatch(own) else 0
            partition = places.partition_of[own]
        else:
            kind = 4 if left.endswith(".global") else 2 if left == plain(left) else 3
            if left.endswith(".us-gov"):
                partition = next(i for i, p in enumerate(partitions) if p["id"] == "aws-us-gov")
            left = left.removesuffix(".global").removesuffix(".us-gov")
        if right:
            left = f"{left}.{right}"
        left = plain(left)
        bit = (partition * 5 + kind) * 2 + dual
        homes[left][bit].append((host, name, region, region == own))
    rows = collections.defaultdict(int)
    exceptions = {}
    for left, bits in homes.items():
        for bit, answers in bits.items():
            if all(is_own for *_, is_own in answers):
                answers = [(host, name, "", True) for host, name, *_ in answers]
            fixed = collections.Counter((name, region) for _, name, region, _ in answers)
            usual = max(sorted(fixed), key=fixed.__getitem__)
            rows[(left, *usual)] |= 1 << bit
            for host, name, region, _ in answers:
                if (name, region) != usual:
                    if region == "":
                        sys.exit(f"two names for {left}: {host}")
                    exceptions[host] = (name, region)
    # The usual name of some labels is that of the most rows; what is usual needs no row.
    votes = collections.defaultdict(collections.Counter)
    for (left, name, region), mask in rows.items():
        votes[left][name] += mask.bit_count() * (100 if region == "" else 1)
    names = {left: max(sorted(found), key=found.__getitem__) for left, found in votes.items()}
    rows = {row: mask for row, mask in rows.items() if row != (row[0], names[row[0]], "")}
    wild, known, other = {}, [], {}
    at_home = {left for left, _, _ in rows}
    for left, name in names.items():
        for tenant in (ACCOUNT, NAME, ENDPOINT_ID, STREAM_ID.replace("tname-", "tname.")):
            if left.startswith(tenant + "."):
                wild[left.removeprefix(tenant + ".")] = name
                break
        else:
            if left == name:
                known.append(left)
            if left != name or left in at_home:
                other[left] = name
    return "".join(
        [
            HEADER,
            partition_rows(partitions),
            strings(SERVICES_DOC, "SERVICES", service_names(other, rows)),
            strings(HOME_REGIONS_DOC, "HOME_REGIONS", home_regions(rows)),
            name_rows(other, rows),
            pairs(WILD_DOC, "TENANT_LABEL", wild),
            words(KNOWN_DOC, "KNOWN", sorted(known)),
            words(REGIONS_DOC, "REGIONS", regions(partitions)),
            home_rows(other, rows),
            exception_rows(exceptions),
        ]
    )


def regions(partitions):
    found = (region for partition in partitions for region in partition["regions"])
    return sorted(region for region in found if not PSEUDO_REGION.fullmatch(region))


HEADER = """\
//! AWS's endpoints as botocore resolves them.
//!
//! Written by `cargo xtask endpoints`; do not edit.

use super::partition::Partition;
"""

NAMES_DOC = """\
Labels before the region that do not say it all, the shorter first: (labels, the place of the signing
name in `SERVICES`, and the first and the number of their rows in `HOMES`)."""
SERVICES_DOC = "The signing names of the next two tables, which have their places: pointers are dear."
HOME_REGIONS_DOC = "The signing regions of `HOMES`. An empty one is the host's own."
WILD_DOC = "Labels behind one of the caller's, such as an account id: (labels, signing name)."
KNOWN_DOC = "Labels before the region that are the signing name, apart by spaces."
REGIONS_DOC = "The regions of all partitions, apart by spaces."
HOMES_DOC = """\
Where the signing region is not the host's, or is under another name than elsewhere: (the places of
signing name and region, the partition's number, where). Bit `kind * 2 + dual_stack` is set where the row
holds; see `Place`."""
EXCEPTIONS_DOC = "Hosts that no row of `HOMES` is right for: (host, signing region)."


def doc(text):
    return "".join(f"/// {line}\n" for line in text.splitlines())


def partition_rows(partitions):
    text = "\n" + doc("The partitions, in botocore's order.") + "pub(super) const PARTITIONS: &[Partition] = &[\n"
    for p in partitions:
        prefix = re.match(r"\^\(?([a-z]+(?:\\-(?:gov|iso[a-z]?)(?=\\))?)", p["regionRegex"])
        area = prefix.group(1).replace("\\", "") + "-"
        text += "    Partition {\n"
        text += f'        region_prefix: "{"" if p["id"] == "aws" else area}",\n'
        text += f'        dns_suffix: "{p["outputs"]["dnsSuffix"]}",\n'
        text += f'        dual_stack_suffix: "{p["outputs"]["dualStackDnsSuffix"]}",\n'
        text += f'        global_region: "{p["outputs"]["implicitGlobalRegion"]}",\n'
        pseudo = next((f'Some("{r}")' for r in p["regions"] if PSEUDO_REGION.fullmatch(r)), "None")
        text += f"        pseudo_region: {pseudo},\n    }},\n"
    return text + "];\n"


def by_length(labels):
    return len(labels), labels


def name_rows(names, rows):
    text = f"\n{doc(NAMES_DOC)}pub(super) const NAMES: &[(&str, u8, u8, u8)] = &[\n"
    services = service_names(names, rows)
    order = [left for (left, _, _), mask in sorted(rows.items()) for _ in by_partition(mask)]
    for left in sorted(names, key=by_length):
        count = order.count(left)
        first = order.index(left) if count else 0
        text += f'    ("{left}", {services.index(names[left])}, {first}, {count}),\n'
    return text + "];\n"


def service_names(names, rows):
    return sorted({*names.values(), *(name for _, name, _ in rows)})


def home_regions(rows):
    return sorted({region for *_, region in rows})


def by_partition(mask):
    """(partition, its bits), for those that have some."""
    bits = [(partition, mask >> (10 * partition) & 0x3FF) for partition in range(8)]
    return [(partition, found) for partition, found in bits if found]


def strings(about, name, rows):
    text = f"\n{doc(about)}pub(super) const {name}: &[&str] = &[\n"
    return text + "".join(f'    "{row}",\n' for row in rows) + "];\n"


def pairs(about, name, rows):
    text = f"\n{doc(about)}pub(super) const {name}: &[(&str, &str)] = &[\n"
    return text + "".join(f'    ("{key}", "{rows[key]}"),\n' for key in sorted(rows)) + "];\n"


def words(about, name, rows):
    """Words apart by spaces in one string: they are looked up rarely, and pointers are dear."""
    text = f"\n{doc(about)}pub(super) const {name}: &str = \"\\\n"
    line = "   "
    for row in rows:
        if len(line) + len(row) > 95:
            text += line + " \\\n"
            line = "   "
        line += " " + row
    return text + line + "\";\n"


def home_rows(names, rows):
    text = f"\n{doc(HOMES_DOC)}pub(super) const HOMES: &[(u8, u8, u8, u16)] = &[\n"
    services, regions = service_names(names, rows), home_regions(rows)
    for (left, name, region), mask in sorted(rows.items()):
        for partition, bits in by_partition(mask):
            places = f"{services.index(name)}, {regions.index(region)}"
            text += f"    ({places}, {partition}, {bits}), // {left}\n"
    return text + "];\n"


def operation_list(by_name):
    """The operations of signing names with several hosts, in a commercial region."""
    lines = [
        "# What requests have whose signing name has several hosts, and the host in eu-west-1, as",
        "# botocore has them. Written by `cargo xtask endpoints`; do not edit.",
        "# <signing name> <host>, and below each its operations.",
    ]
    for name, hosts in sorted(by_name.items()):
        if len(hosts) < 2:
            continue
        for key, fits in sorted(hosts.items()):
            here = [host for host, bits in key if bits & 1]
            if here:
                lines += [f"{name} {here[0]}", *(f"\t{each}" for each in sorted(fits))]
    return "\n".join(lines) + "\n"


def scope_table(rows):
    lines, last = [], None
    everywhere = max(bits for *_, bits in rows)
    for name, patterns, host, bits in rows:
        if name != last:
            lines.append(name)
            last = name
        # The signing name as the first label is an `=`.
        host = re.sub(f"^{name}\\.", "=.", host)
        bits = "" if bits == everywhere else f"\t{bits:02x}"
        lines.append(f"\t{joined(patterns)}\t{host}{bits}")
    return "\n".join(lines) + "\n"


def joined(patterns):
    """Patterns apart by `|`; those that differ in their end alone as `<prefix>.<name>,<name>`, or with
    a path's last labels apart by commas."""
    ends = collections.defaultdict(list)
    for pattern in patterns:
        start, sign, end = pattern.rpartition("/" if "/" in pattern else ".")
        # The end of a greedy path stands alone.
        key = (pattern, "") if end in ("", "**") else (start, sign)
        ends[key].append("" if key[1] == "" else end)
    return "|".join(start + sign + ",".join(names) for (start, sign), names in sorted(ends.items()))


def exception_rows(rows):
    text = f"\n{doc(EXCEPTIONS_DOC)}pub(super) const EXCEPTIONS: &[(&str, &str)] = &[\n"
    for host, (_, region) in sorted(rows.items()):
        text += f'    ("{host}", "{region}"),\n'
    return text + "];\n"


if __name__ == "__main__":
    main(*sys.argv[1:])
