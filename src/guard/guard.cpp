#include "guard/guard.h"

#include "guard/guard_file.h"
#include "pg/crash_exit.h"
#include "pg/parallel_worker.h"

#include <signal.h>

namespace dynpgext::state {
namespace {

using guard_file::record;
using guard_file::record_kind;
using guard_file::record_state;

constinit record *own = nullptr;  // of this process, once requested

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

// A record left armed by another process is evidence: the server is about to restart because of it.
record *free_record(size_t place) {
  for (size_t i = place; i < guard_file::records().size(); i += ProcGlobal->allProcCount)
    if (record &r = guard_file::records()[i]; state_of(r) != record_state::armed || is_armed(r))
      return &r;
  return nullptr;
}

// nullptr if nothing can be guarded, or this process has already given up its slot.
record *own_record() noexcept {
  if (MyProc == nullptr || !IsUnderPostmaster || IsBinaryUpgrade || attached() == nullptr)
    return nullptr;
  if (attached()->root->is_unguarded) return nullptr;
  if (!guard_file::usable()) {
    guard_file::log_failure_once();
    return nullptr;
  }
  if (own == nullptr) own = free_record(place_of(*MyProc));
  return own;
}

// In the signal handler of a bystander.  The postmaster has seen the end of the crashed process
// before it sends the signal.  So the living processes are bystanders, too, whatever their own
// handlers do, even if they are killed later because they do not end.
void spare_living() {
  if (!guard_file::is_known_usable()) return;
  for (record &r : guard_file::records()) {
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
  // orders the writes as seen by a signal handler of this process, or after a crash
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

// The armed record of another process, or nullptr.
const record *armed_record_of(const PGPROC &process) {
  const uint64 armed = word_of(record_state::armed, process.pid);
  for (size_t i = place_of(process); i < guard_file::records().size();
       i += ProcGlobal->allProcCount)
    if (const record &r = guard_file::records()[i]; r.word.load(std::memory_order_acquire) == armed)
      return &r;
  return nullptr;
}

// A leader's record does not change until its parallel workers have ended, except within the query
// itself.  The copy is not used during such a change.
bool is_settled(const record &r, uint64 word) {
  std::atomic_thread_fence(std::memory_order_acquire);
  return !r.is_nested.load(std::memory_order_acquire) &&
         r.word.load(std::memory_order_acquire) == word;
}

std::vector<model::armed_record> read_armed_records() {
  std::vector<model::armed_record> all;
  for (const record &r : guard_file::records()) {
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

template <class Change>
bool change_suspects(Change change) {
  if (!guard_file::usable()) return false;
  std::vector<model::suspect> suspects = guard_file::read_suspects();
  if (!change(suspects)) return false;
  guard_file::write_suspects(suspects);
  return true;
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
  for (record &other : guard_file::records()) {  // this process's record is the evidence now
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
  if (!guard_file::usable()) {
    // the file is as before anybody attached; this process reads it again if it attaches
    guard_file::look_again();
    return;
  }
  const record *of_leader = armed_record_of(*leader);
  record *r = of_leader == nullptr ? nullptr : free_record(place_of(*MyProc));
  if (r == nullptr || of_leader->kind == record_kind::launcher) return;
  const record_kind kind = of_leader->kind;
  const Oid home = of_leader->home;
  const Oid role = of_leader->role;
  const extension_name extension = of_leader->extension;
  const guard_file::worker_name worker = of_leader->worker;
  if (!is_settled(*of_leader, word_of(record_state::armed, leader->pid))) return;
  own = r;
  arm(*r, kind, home, extension.view(), worker.view(), role);
}

guarded_code::guarded_code(std::string_view extension, Oid home) noexcept {
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
  arm(*r, record_kind::code, home, extension);
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
  own = nullptr;
  report.lost = guard_file::map_last_run();
  if (guard_file::is_known()) {
    armed = read_armed_records();
    suspects = guard_file::read_suspects();
    guard_file::follow_host(suspects, now);
  }
  model::verdict verdict =
      model::judge(armed, std::move(suspects), now, limit, window_microseconds);
  guard_file::begin_run(verdict.suspects, now);
  if (limit > 0)
    report.quarantined = static_cast<uint32>(model::quarantined(verdict.suspects).size());
  report.blamed = std::move(verdict.blamed);
  report.all_killed = verdict.all_killed;
  return report;
}

std::vector<model::suspect> quarantines() {
  if (!guard_file::usable()) return {};
  return model::quarantined(guard_file::read_suspects());
}

bool is_suspected(Oid home, const std::string &extension) {
  if (!guard_file::usable()) return false;
  const std::vector<model::suspect> all = guard_file::read_suspects();
  return std::any_of(all.begin(), all.end(), [&](const model::suspect &suspect) {
    return suspect.who.home == home && suspect.who.extension == extension;
  });
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
