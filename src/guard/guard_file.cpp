#include "guard/guard_file.h"

#include "pg/clock.h"

namespace dynpgext::state::guard_file {
namespace {

// Base backups and pg_rewind leave this folder out.
constexpr const char *path = PG_STAT_TMP_DIR "/dynpgext.guard";

constexpr uint64 magic = 0x647270756772616e;
constexpr uint32 layout = 4;

struct file_header {
  uint64 magic;   // stored last
  uint64 inode;   // of the file itself: a copy is void
  uint32 layout;  // together with those below, the layout of the rest
  uint32 record_size;
  uint32 suspect_size;
  uint32 record_count;
  // time of the last judgement, and boot of the host: moments are void in another boot
  uint64 host_boot;
  pg::moment judged;
  TimestampTz judged_at;
};

struct suspect_slot {
  uint32 in_use;
  Oid home;
  Oid role;  // of SQL workers; the names are those of the last crash
  extension_name extension;
  worker_name worker;  // empty: code of the extension
  uint32 crash_count;
  uint32 quarantined_after;
  TimestampTz quarantined_since;  // for the views
  pg::moment crashes[model::crashes_kept];
};

static_assert(sizeof(file_header) <= 64 && sizeof(suspect_slot) % 8 == 0);

constexpr size_t suspects_offset = 64;
constexpr size_t records_offset =
    TYPEALIGN(alignof(record), suspects_offset + model::suspects_kept * sizeof(suspect_slot));

// Two for each possible process: a process that has ended badly has given its slot to another
// before the postmaster notices.
uint32 record_count() { return 2 * ProcGlobal->allProcCount; }

constexpr size_t size_of_file(uint32 record_count) {
  return records_offset + record_count * sizeof(record);
}

struct view {
  pg::mapped_file file;

  [[nodiscard]] file_header &header() const {
    return *reinterpret_cast<file_header *>(file.content.data());
  }
  [[nodiscard]] std::span<suspect_slot> suspects() const {
    return {reinterpret_cast<suspect_slot *>(file.content.data() + suspects_offset),
            model::suspects_kept};
  }
  [[nodiscard]] std::span<record> records() const {
    return {reinterpret_cast<record *>(file.content.data() + records_offset),
            header().record_count};
  }
  [[nodiscard]] bool is_valid() const {
    if (file.content.size() < records_offset) return false;
    const file_header &h = header();
    return h.magic == magic && h.inode == file.inode && h.layout == layout &&
           h.record_size == sizeof(record) && h.suspect_size == sizeof(suspect_slot) &&
           file.content.size() == size_of_file(h.record_count);
  }
};

constinit view mine{};
constinit bool is_usable = false;
constinit bool has_tried = false;
constinit pg::fixed_string<512> failure{};  // why it is not usable, until that is logged

void map_again() {
  is_usable = false;
  has_tried = true;
  pg::unmap_file(std::exchange(mine, view{}).file);
  if (auto file = pg::map_file(path)) mine.file = *file;
}

model::suspect decode(const suspect_slot &slot) {
  model::suspect s;
  if (OidIsValid(slot.role)) {
    s.who = {.home = slot.home, .role = slot.role};
    s.command = {slot.extension.str(), slot.worker.str()};
  } else {
    s.who = {slot.home, slot.extension.str(), slot.worker.str()};
  }
  const size_t count = std::min<size_t>(slot.crash_count, model::crashes_kept);
  for (const pg::moment &at : std::span(slot.crashes, count)) s.crashes.push_back(at.microseconds);
  s.quarantined_since = slot.quarantined_since;
  s.quarantined_after = slot.quarantined_after;
  return s;
}

void encode(const model::suspect &s, suspect_slot &slot) {
  slot.home = s.who.home;
  slot.role = s.who.role;
  slot.extension.assign(s.who.is_role() ? s.command.extension : s.who.extension);
  slot.worker.assign(s.who.is_role() ? s.command.worker : s.who.worker);
  slot.crash_count = static_cast<uint32>(std::min(s.crashes.size(), model::crashes_kept));
  for (size_t i = 0; i < slot.crash_count; ++i) slot.crashes[i] = {s.crashes[i]};
  slot.quarantined_after = s.quarantined_after;
  slot.quarantined_since = s.quarantined_since;
  slot.in_use = 1;
}

// An empty file for this run of the server; it stays void until its content is complete.
void make_file() {
  const uint32 count = record_count();
  pg::unmap_file(std::exchange(mine, view{}).file);
  mine.file = pg::make_mapped_file(path, size_of_file(count));
  file_header &h = mine.header();
  h.inode = mine.file.inode;
  h.layout = layout;
  h.record_size = sizeof(record);
  h.suspect_size = sizeof(suspect_slot);
  h.record_count = count;
}

}  // namespace

bool usable() noexcept {
  if (has_tried) return is_usable;
  try {
    map_again();
    is_usable = mine.is_valid() && mine.header().record_count == record_count();
    if (!is_usable) failure.assign("its file is missing or not of this run of the server");
  } catch (const std::exception &e) {
    failure.assign(e.what());
  }
  return is_usable;
}

void log_failure_once() noexcept {
  if (failure.view().empty()) return;
  (void)pg::swallow("logging", [] {
    const std::string why = std::exchange(failure, {}).str();
    pg::log(LOG, "dynpgext: no crash guard in this process: " + why);
  });
}

bool is_known_usable() noexcept { return is_usable; }

void look_again() noexcept {
  has_tried = false;
  failure = {};
}

std::span<record> records() { return mine.records(); }

std::vector<model::suspect> read_suspects() {
  std::vector<model::suspect> all;
  for (const suspect_slot &slot : mine.suspects())
    if (slot.in_use != 0) all.push_back(decode(slot));
  return all;
}

void write_suspects(const std::vector<model::suspect> &suspects) {
  const std::span<suspect_slot> slots = mine.suspects();
  for (size_t i = 0; i < slots.size(); ++i) {
    slots[i] = {};
    if (i < suspects.size()) encode(suspects[i], slots[i]);
  }
}

std::string map_last_run() {
  try {
    map_again();
  } catch (const pg::error &e) {
    const int code = e.sqlstate();
    if (code != ERRCODE_WRONG_OBJECT_TYPE && code != ERRCODE_INSUFFICIENT_PRIVILEGE) throw;
    return e.what();
  }
  const bool is_there = mine.file.inode != 0;
  if (!is_there || mine.is_valid()) return {};
  return std::string("file \"") + path + "\" is damaged, or not of this server";
}

bool is_known() { return mine.is_valid(); }

void follow_host(std::vector<model::suspect> &suspects, const model::instant &now) {
  const file_header &h = mine.header();
  const bool is_same = h.host_boot == pg::host_boot() && now.measured >= h.judged.microseconds;
  if (!is_same) model::carry_over(suspects, {h.judged.microseconds, h.judged_at}, now);
}

void begin_run(const std::vector<model::suspect> &suspects, const model::instant &now) {
  if (!mine.is_valid() || mine.header().record_count != record_count()) make_file();
  write_suspects(suspects);
  mine.header().host_boot = pg::host_boot();
  mine.header().judged = {now.measured};
  mine.header().judged_at = now.shown;
  for (record &r : mine.records()) r.word.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  mine.header().magic = magic;
  is_usable = true;
}

}  // namespace dynpgext::state::guard_file
