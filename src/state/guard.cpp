#include "state/guard.h"

#include "pg/clock.h"
#include "pg/crash_exit.h"
#include "pg/database.h"
#include "pg/mapped_file.h"
#include "pg/parallel_worker.h"
#include "pg/role.h"

#include <signal.h>

namespace dynpgext::state {
namespace {

// Base backups and pg_rewind leave out what is in this folder.
constexpr const char *path = PG_STAT_TMP_DIR "/dynpgext.guard";

// ---- what is in the file ------------------------------------------------------------------

constexpr uint64 magic = 0x647270756772616e;
constexpr uint32 layout = 4;

struct file_header {
  uint64 magic;   // stored last
  uint64 inode;   // of the file itself: what is in a copy says nothing of this server
  uint32 layout;  // with those below, all that follows
  uint32 record_size;
  uint32 suspect_size;
  uint32 record_count;
  // when it was last judged, and in which boot of the host: moments mean nothing in another one
  uint64 host_boot;
  pg::moment judged;
  TimestampTz judged_at;
};

using worker_name = pg::fixed_string<BGW_MAXLEN>;

struct suspect_slot {
  uint32 in_use;
  Oid home;
  Oid role;  // of SQL workers; the names are those of the last one that crashed
  extension_name extension;
  worker_name worker;  // empty: code of the extension
  uint32 crash_count;
  uint32 quarantined_after;
  TimestampTz quarantined_since;  // for the views
  pg::moment crashes[model::crashes_kept];
};

enum class record_state : uint32 {
  unused,
  armed,
  exited,
  quit,
  left,   // the launcher's, when it ended well
  spared  // was alive when the postmaster killed the bystanders of a crash
};
enum class record_kind : uint32 { code, worker, command, launcher };

struct alignas(64) record {
  std::atomic<uint64> word;  // the pid, and in the lower half a record_state
  record_kind kind;
  std::atomic<bool> is_nested;  // armed within a parallel query, whose workers it says nothing of
  Oid home;
  Oid role;  // of a command
  extension_name extension;
  worker_name worker;
};
static_assert(sizeof(file_header) <= 64 && sizeof(suspect_slot) % 8 == 0);

constexpr size_t suspects_offset = 64;
constexpr size_t records_offset =
    TYPEALIGN(alignof(record), suspects_offset + model::suspects_kept * sizeof(suspect_slot));

// Two for each process that there can be at once: one that has ended badly has given its place to
// another before the postmaster sees it.
uint32 record_count() { return 2 * ProcGlobal->allProcCount; }

constexpr size_t size_of_file(uint32 record_count) {
  return records_offset + record_count * sizeof(record);
}

// ---- this process's view of it --------------------------------------------------------------

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
constinit record *own = nullptr;            // this process's, once it has been asked for
constinit pg::fixed_string<512> failure{};  // why it is not usable, until that is logged

void map_again() {
  is_usable = false;
  has_tried = true;
  own = nullptr;
  pg::unmap_file(std::exchange(mine, view{}).file);
  if (auto file = pg::map_file(path)) mine.file = *file;
}

// Maps the file on the first call; without a log, for locks may be held.
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

// ---- arming ------------------------------------------------------------------------------------

uint64 word_of(record_state state, pid_t process = MyProcPid) {
  return static_cast<uint64>(static_cast<uint32>(process)) << 32 | static_cast<uint32>(state);
}
record_state state_of(const record &r) {
  return static_cast<record_state>(static_cast<uint32>(r.word.load(std::memory_order_relaxed)));
}

bool is_armed(const record &r) {
  return r.word.load(std::memory_order_relaxed) == word_of(record_state::armed);
}

size_t place_of(const PGPROC &process) {
  return static_cast<size_t>(&process - ProcGlobal->allProcs);
}

// What somebody else has left armed is evidence: the server is about to restart for it.
record *free_record(size_t place) {
  for (size_t i = place; i < mine.header().record_count; i += ProcGlobal->allProcCount)
    if (record &r = mine.records()[i]; state_of(r) != record_state::armed || is_armed(r)) return &r;
  return nullptr;
}

// nullptr where nothing can be guarded: also when this process has given up its slot already.
record *own_record() noexcept {
  if (MyProc == nullptr || !IsUnderPostmaster || IsBinaryUpgrade || attached() == nullptr)
    return nullptr;
  if (attached()->root->is_unguarded) return nullptr;
  if (!usable()) {
    log_failure_once();
    return nullptr;
  }
  if (own == nullptr) own = free_record(place_of(*MyProc));
  return own;
}

// In the signal handler of a bystander: the postmaster has seen the end of whoever crashed before
// it sends the signal, so those that are there still are bystanders, too, whatever their own
// handlers do, and also if they are killed later because they do not go.
void spare_living() {
  if (!is_usable) return;
  for (record &r : mine.records()) {
    uint64 word = r.word.load(std::memory_order_relaxed);
    const auto pid = static_cast<pid_t>(word >> 32);
    if (static_cast<record_state>(static_cast<uint32>(word)) != record_state::armed) continue;
    if (kill(pid, 0) != 0) continue;
    const uint64 spared = (word & ~uint64{UINT32_MAX}) | static_cast<uint32>(record_state::spared);
    (void)r.word.compare_exchange_strong(word, spared);
  }
}

void disarm(record &r) {
  r.word.store(word_of(record_state::unused), std::memory_order_release);
  // what follows stays behind it, as a signal handler of this process, or a crash, sees it
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void arm(record &r, record_kind kind, Oid home, std::string_view extension,
         std::string_view worker = {}, Oid role = InvalidOid, bool is_nested = IsInParallelMode()) {
  disarm(r);
  r.is_nested.store(is_nested, std::memory_order_release);
  r.kind = kind;
  r.home = home;
  r.role = role;
  r.extension.assign(extension);
  r.worker.assign(worker);
  const auto end = kind == record_kind::launcher ? record_state::left : record_state::exited;
  pg::tell_exit({&r.word, word_of(record_state::armed), word_of(end), word_of(record_state::quit),
                 kind == record_kind::launcher, spare_living});
  r.word.store(word_of(record_state::armed), std::memory_order_release);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

// The one that another process has armed, or nullptr.
const record *armed_record_of(const PGPROC &process) {
  const uint64 armed = word_of(record_state::armed, process.pid);
  for (size_t i = place_of(process); i < mine.header().record_count; i += ProcGlobal->allProcCount)
    if (const record &r = mine.records()[i]; r.word.load(std::memory_order_acquire) == armed)
      return &r;
  return nullptr;
}

// A leader waits for its workers before it arms its record for anybody else, unless it does that
// within the query.  The copy is not taken while it does.
bool is_settled(const record &r, uint64 word) {
  std::atomic_thread_fence(std::memory_order_acquire);
  return !r.is_nested.load(std::memory_order_acquire) &&
         r.word.load(std::memory_order_acquire) == word;
}

// ---- suspects -----------------------------------------------------------------------------------

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

std::vector<model::armed_record> read_armed_records() {
  std::vector<model::armed_record> all;
  for (const record &r : mine.records()) {
    if (state_of(r) != record_state::armed && state_of(r) != record_state::left) continue;
    model::armed_record &found = all.emplace_back();
    found.launcher = r.kind == record_kind::launcher;
    if (r.kind == record_kind::command) {
      found.who = {.home = r.home, .role = r.role};
      found.command = {r.extension.str(), r.worker.str()};
    } else {
      found.who = {r.home, r.extension.str(), r.worker.str()};
    }
  }
  return all;
}

// Their crashes, as the file has them, on the clock of this boot of the host.
void follow_host(std::vector<model::suspect> &suspects, const model::instant &now) {
  const file_header &h = mine.header();
  const bool is_same = h.host_boot == pg::host_boot() && now.measured >= h.judged.microseconds;
  if (!is_same) model::carry_over(suspects, {h.judged.microseconds, h.judged_at}, now);
}

// Maps what the last run has left; why it says nothing, where there is something that is not the
// file of a guard of this server.
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

// An empty file for this run of the server; it stays void until everything is in it.
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

template <class Change>
bool change_suspects(Change change) {
  if (!usable()) return false;
  std::vector<model::suspect> suspects = read_suspects();
  if (!change(suspects)) return false;
  write_suspects(suspects);
  return true;
}

// ---- messages -----------------------------------------------------------------------------------

std::string span_of_time(int64 microseconds) {
  constexpr int64 second = 1000000;
  if (microseconds % (3600 * second) == 0)
    return std::to_string(microseconds / 3600 / second) + " h";
  if (microseconds % (60 * second) == 0) return std::to_string(microseconds / 60 / second) + " min";
  if (microseconds % second == 0) return std::to_string(microseconds / second) + " s";
  return std::to_string(microseconds / 1000) + " ms";
}

std::string describe_role(Oid role) {
  const std::string name = pg::role_name(role);
  return name.empty() ? "the role with OID " + std::to_string(role) : "role \"" + name + "\"";
}

std::string describe_database(Oid database) {
  const std::string name = pg::database_name(database);
  return name.empty() ? "the database with OID " + std::to_string(database)
                      : "database \"" + name + "\"";
}

std::string describe_command(const model::guarded_command &c) {
  return "SQL worker \"" + c.worker + "\" of extension \"" + c.extension + "\"";
}

// The worker of a role is the one that crashed.
std::string describe(const model::blamed &b) {
  const guarded_identity &who = b.who;
  if (who.is_role())
    return describe_command(b.command) + ", run as " + describe_role(who.role) + " in " +
           describe_database(who.home) + ",";
  std::string text = who.is_worker() ? "background worker \"" + who.worker + "\"" : "code";
  text += " of extension \"" + who.extension + "\"";
  return OidIsValid(who.home) ? text + " in " + describe_database(who.home) : text;
}

// Who does not run any more, and of which extension it is that it is released by.
std::string describe_quarantined(const model::blamed &b) {
  return b.who.is_role() ? "SQL workers of " + describe_role(b.who.role) + " in " +
                               describe_database(b.who.home) + " are"
                         : describe(b) + " is";
}
const std::string &releasing_extension(const model::blamed &b) {
  return b.who.is_role() ? b.command.extension : b.who.extension;
}

std::string literal(const std::string &text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += c;
    quoted += c;
  }
  return quoted + "'";
}

}  // namespace

void guard_worker(const worker_key &key) noexcept {
  record *r = own_record();
  if (r != nullptr) arm(*r, record_kind::worker, key.home, key.extension.view(), key.name.view());
}

guarded_command::guarded_command(const worker_key &key, Oid role) noexcept {
  record *r = own_record();
  if (r != nullptr)
    arm(*r, record_kind::command, MyDatabaseId, key.extension.view(), key.name.view(), role);
}

guarded_command::~guarded_command() {
  if (record *r = own_record(); r != nullptr && is_armed(*r)) disarm(*r);
}

void guard_launcher() noexcept {
  record *r = own_record();
  if (r == nullptr) return;
  for (record &other : mine.records()) {  // from now on this one is the evidence
    uint64 word = other.word.load(std::memory_order_relaxed);
    if (state_of(other) == record_state::left)
      (void)other.word.compare_exchange_strong(word, static_cast<uint64>(record_state::unused));
  }
  arm(*r, record_kind::launcher, InvalidOid, {});
}

void unguard_launcher() noexcept {
  if (record *r = own_record(); r != nullptr && is_armed(*r)) disarm(*r);
}

void guard_as_leader() noexcept {
  const PGPROC *leader = pg::parallel_leader();
  if (leader == nullptr) return;
  if (!usable()) {
    // as it is where nobody has attached yet, and this process looks again if it attaches
    has_tried = false;
    failure = {};
    return;
  }
  const record *of_leader = armed_record_of(*leader);
  record *r = of_leader == nullptr ? nullptr : free_record(place_of(*MyProc));
  if (r == nullptr || of_leader->kind == record_kind::launcher) return;
  const record_kind kind = of_leader->kind;
  const Oid home = of_leader->home;
  const Oid role = of_leader->role;
  const extension_name extension = of_leader->extension;
  const worker_name worker = of_leader->worker;
  if (!is_settled(*of_leader, word_of(record_state::armed, leader->pid))) return;
  own = r;
  arm(*r, kind, home, extension.view(), worker.view(), role);
}

guarded_code::guarded_code(std::string_view extension) noexcept {
  record *r = own_record();
  if (r == nullptr) return;
  is_inner_ = is_armed(*r);
  if (is_inner_) {
    if (r->kind != record_kind::code) return;
    outer_is_nested_ = r->is_nested.load(std::memory_order_relaxed);
    outer_home_ = r->home;
    outer_extension_ = r->extension;
  }
  is_armed_ = true;
  arm(*r, record_kind::code, MyDatabaseId, extension);
}

guarded_code::~guarded_code() {
  if (!is_armed_) return;
  record *r = own_record();
  if (r == nullptr) return;
  if (is_inner_)
    arm(*r, record_kind::code, outer_home_, outer_extension_.view(), {}, InvalidOid,
        outer_is_nested_);
  else
    disarm(*r);
}

crash_report judge_last_run(uint32 limit, int64 window_microseconds) {
  crash_report report;
  // single-user mode leaves everything to the next run
  if (!IsUnderPostmaster) return report;
  std::vector<model::armed_record> armed;
  std::vector<model::suspect> suspects;
  const model::instant now{pg::moment::now().microseconds, GetCurrentTimestamp()};
  report.lost = map_last_run();
  const bool is_known = mine.is_valid();
  if (is_known) {
    armed = read_armed_records();
    suspects = read_suspects();
    follow_host(suspects, now);
  }
  model::verdict verdict =
      model::judge(armed, std::move(suspects), now, limit, window_microseconds);
  if (!is_known || mine.header().record_count != record_count()) make_file();
  write_suspects(verdict.suspects);
  mine.header().host_boot = pg::host_boot();
  mine.header().judged = {now.measured};
  mine.header().judged_at = now.shown;
  for (record &r : mine.records()) r.word.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  mine.header().magic = magic;
  is_usable = true;
  if (limit > 0)
    report.quarantined = static_cast<uint32>(model::quarantined(verdict.suspects).size());
  report.blamed = std::move(verdict.blamed);
  report.all_killed = verdict.all_killed;
  return report;
}

void log_report(const crash_report &report, uint32 limit, int64 window_microseconds) {
  if (!report.lost.empty())
    pg::log(LOG, "dynpgext: the crash guard begins anew, without crashes and quarantines: " +
                     report.lost);
  if (report.all_killed)
    pg::log(LOG, "dynpgext: all processes were killed at once; no extension is blamed");
  const std::string within = " times within " + span_of_time(window_microseconds);
  for (const model::blamed &b : report.blamed) {
    const std::string count = std::to_string(b.crashes);
    pg::log(WARNING, describe(b) + " took the server down (" + count + " of " +
                         std::to_string(limit) + within + ")");
    if (!b.newly_quarantined) continue;
    const char *whose = b.who.is_role() ? "Nothing of theirs" : "Nothing of it";
    pg::log(WARNING,
            describe_quarantined(b) + " quarantined: " + (b.who.is_role() ? "they" : "it") +
                " took the server down " + count + within,
            std::string(whose) + " runs until dynpgext.release(" + literal(releasing_extension(b)) +
                ") is called in " +
                (OidIsValid(b.who.home) ? "that database." : "a database that has it."));
  }
}

std::vector<model::suspect> quarantines() {
  if (!usable()) return {};
  return model::quarantined(read_suspects());
}

bool release(Oid home, const std::string &extension) {
  return change_suspects([&](std::vector<model::suspect> &suspects) {
    return model::release(suspects, home, extension);
  });
}

bool release_roles(Oid database, const std::string &extension, std::span<const Oid> roles) {
  return change_suspects([&](std::vector<model::suspect> &suspects) {
    return model::release_roles(suspects, database, extension, roles);
  });
}

bool forget_home(Oid database) {
  return change_suspects([database](std::vector<model::suspect> &suspects) {
    return model::forget_home(suspects, database);
  });
}

}  // namespace dynpgext::state
