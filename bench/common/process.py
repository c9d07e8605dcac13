"""Facts from /proc about a process: CPU time, memory, and segments of dynamic shared memory."""

SEGMENT = "/dev/shm/PostgreSQL."


def cpu_seconds(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def memory(pid):
    """kB: private, proportional, and the proportional part that is neither a file nor shared memory."""
    sizes = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file.readlines()[1:]:
            name, size = line.split()[:2]
            sizes[name.rstrip(":")] = int(size)
    return {"private": sizes["Private_Clean"] + sizes["Private_Dirty"], "proportional": sizes["Pss"],
            "anonymous": sizes["Pss_Anon"]}


def segments(pids):
    """Bytes of each segment mapped by one of these processes, by the path of its file."""
    found = {}
    for pid in pids:
        try:
            with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
                for line in file:
                    if SEGMENT in line:
                        low, high = line.split()[0].split("-")
                        found[line.split()[5]] = int(high, 16) - int(low, 16)
        except OSError:  # it has ended meanwhile
            pass
    return found
