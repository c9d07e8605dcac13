#include "workers/run_requests.h"

#include "pg/process.h"
#include "shared/attention.h"
#include "shared/extension_states.h"
#include "shared/processes.h"
#include "shared/runners.h"
#include "shared/text.h"
#include "workers/entry.h"

namespace dynpgext::state {
namespace {

std::vector<request_entry *> all(const shared &s) {
  if (s.root->requested == 0) return {};
  return s.requests.entries();
}

void erase(const shared &s, uint64 number) {
  if (s.requests.find({number}) == nullptr) return;
  s.requests.erase({number});
  --s.root->requested;
}

// A FATAL may end the session while it waits.
void on_exit(int, Datum) {
  pg::begin_exit();
  (void)pg::swallow("withdrawing the request of this session for a run", [] {
    shared *s = attached();
    if (s == nullptr) return;
    const exclusive lock(*s);
    for (const request_entry *r : all(*s))
      if (r->pid == MyProcPid) erase(*s, r->key.number);
  });
}

void watch_exit() {
  static constinit bool watched = false;
  if (!std::exchange(watched, true)) pg::call([] { before_shmem_exit(on_exit, 0); });
}

bool is_for(const request_entry &r, const worker_key &key) {
  return std::memcmp(&r.worker, &key, sizeof key) == 0;
}

template <class F>
void for_requests(const shared &s, const worker_entry &entry, request_state state, F f) {
  for (request_entry *r : all(s))
    if (r->state == state && is_for(*r, entry.key)) f(*r);
}

pid_t runner_process(const shared &s, const worker_entry &entry) {
  if (entry.pid != 0) return entry.pid;
  const runner_entry *runner = s.runners.find(runner_of(entry));
  return runner == nullptr ? 0 : runner->pid;
}

// The process that provisions the extension of a worker, which does not start before that; 0: none.
pid_t awaited_visitor(const shared &s, const worker_key &key, const worker_entry *entry) {
  if (entry != nullptr && model::is_active(entry->state)) return 0;
  Oid source = key.home;
  if (!OidIsValid(source)) source = entry != nullptr ? entry->source : MyDatabaseId;
  const extension_entry *extension = find_extension(s, source, key.extension.str());
  if (extension != nullptr && extension->state == model::extension_state::provisioned) return 0;
  const database_entry *database = s.databases.find({source});
  return database == nullptr ? 0 : database->visitor;
}

// Makes the worker's process, or the launcher, check for requests.
void hasten(const shared &s, worker_entry &entry) {
  if (entry.pid != 0 && !entry.exited) return pg::nudge_process(entry.pid);
  if (is_at_rest(entry) || entry.state == model::worker_state::backoff)
    entry.next_start_at = pg::moment::now();
  attend(s, entry.links.list);
}

}  // namespace

run_request::run_request(shared &s, const worker_identity &id)
    : shared_(s), id_(id), asked_(pg::moment::now()) {
  watch_exit();
  const exclusive lock(s);
  const uint64 number = ++s.root->next_ticket;
  request_entry *request = s.requests.insert({number});
  ++s.root->requested;
  number_ = number;
  request->worker = key_of(id);
  request->pid = MyProcPid;
  request->asked_at = asked_;
  if (worker_entry *entry = s.workers.find(request->worker)) hasten(s, *entry);
}

run_request::~run_request() {
  (void)pg::swallow("withdrawing the request of this session for a run", [this] {
    const exclusive lock(shared_);
    erase(shared_, number_);
  });
}

run_progress run_request::look() const {
  run_progress p;
  const reading lock(shared_);
  if (const request_entry *request = shared_.requests.find({number_})) {
    p.state = request->state;
    p.duration = request->duration;
    p.encoded_in = request->ran_in;
    if (request->sqlstate != 0)
      p.why = pg::failure{request->sqlstate, request->message.str(), request->hint.str(),
                          request->detail.str()};
  }
  const worker_entry *entry = shared_.workers.find(key_of(id_));
  if (entry == nullptr) return p;
  p.is_known = true;
  p.has_ended = entry->ended.is_set() && entry->ended >= asked_;
  p.is_leaving = entry->is_leaving();
  p.worker = entry->state;
  p.waits_for = entry->waits_for;
  p.runner = runner_process(shared_, *entry);
  if (p.state != request_state::over) {
    p.error = error_of(shared_, *entry);
    p.encoded_in = entry->source;
  }
  return p;
}

std::vector<pid_t> processes_awaited_by(const shared &s, pid_t pid) {
  std::vector<pid_t> found;
  const reading lock(s);
  for (const request_entry *r : all(s)) {
    if (r->pid != pid || r->state == request_state::over) continue;
    const worker_entry *entry = s.workers.find(r->worker);
    const pid_t runner = entry == nullptr ? 0 : runner_process(s, *entry);
    if (runner != 0) found.push_back(runner);
    if (const pid_t visitor = awaited_visitor(s, r->worker, entry)) found.push_back(visitor);
  }
  return found;
}

std::vector<worker_identity> wanted_runs(const shared &s) {
  std::vector<worker_identity> wanted;
  const reading lock(s);
  for (const awaited_worker &w : awaited_workers(s)) wanted.push_back(identity_of(*w.entry));
  return wanted;
}

std::vector<awaited_worker> awaited_workers(const shared &s) {
  std::vector<awaited_worker> found;
  for (const request_entry *r : all(s)) {
    if (r->state != request_state::asked) continue;
    if (const worker_entry *entry = s.workers.find(r->worker))
      found.push_back({entry, r->asked_at});
  }
  return found;
}

void begin_requested(const shared &s, const worker_entry &entry) {
  for_requests(s, entry, request_state::asked,
               [](request_entry &r) { r.state = request_state::running; });
}

namespace {

// Allocates nothing, if f does not.
template <class F>
void end_requests(const shared &s, const worker_entry &entry, F f) {
  bool was_awaited = false;
  for_requests(s, entry, request_state::running, [&](request_entry &r) {
    was_awaited = true;
    r.state = request_state::over;
    r.ran_in = entry.source;
    f(r);
  });
  if (was_awaited) changed(s);
}

}  // namespace

void end_requested(const shared &s, const worker_entry &entry, const pg::failure *why,
                   int64 duration) {
  end_requests(s, entry, [&](request_entry &r) {
    r.duration = duration;
    if (why == nullptr) return;
    r.sqlstate = why->sqlstate;
    assign(r.message, why->message);
    assign(r.detail, why->detail);
    assign(r.hint, why->hint);
  });
}

void end_requested(const shared &s, const worker_entry &entry, std::string_view words) {
  constexpr size_t code_size = 5;
  constexpr std::string_view between = ": ";
  const bool has_code = words.size() >= code_size + between.size();
  const std::string_view code = has_code ? words.substr(0, code_size) : "XX000";
  end_requests(s, entry, [&](request_entry &r) {
    r.sqlstate = MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4]);
    assign(r.message, has_code ? words.substr(code_size + between.size()) : words);
  });
}

void ask_again(const shared &s, const worker_entry &entry) {
  for_requests(s, entry, request_state::running,
               [](request_entry &r) { r.state = request_state::asked; });
}

}  // namespace dynpgext::state
