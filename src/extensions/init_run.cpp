#include "extensions/init_run.h"

#include <algorithm>
#include <map>

#include "extensions/ledger.h"
#include "extensions/registration_checks.h"
#include "memory/claims.h"
#include "pg/transaction.h"
#include "workers/extension_code.h"
#include "workers/launch.h"

namespace dynpgext::provisioning {
namespace {

struct session {
  const model::extension &extension;
  const model::registrations &others;
  const dynpgext_handle *handle;
  collected result;
  bool may_register;
  resized on_resize;
  // number of registrations at the start of each open subtransaction
  std::vector<std::pair<size_t, size_t>> before;

  void allocate(const char *name, size_t size, dynpgext_shmem_callback callback, void *data,
                int flags);
  void register_worker(const BackgroundWorker *bgw, dynpgext_bgworker_callback callback, void *data,
                       int flags, const dynpgext_bgworker_options *options);
  void count_one() const;
};

constinit session *current = nullptr;
// The innermost running init, even during a callback, in which nothing may be registered.
constinit session *innermost = nullptr;
// Depth of running extension code, including code that may not register.
constinit int depth = 0;

class opened {
 public:
  explicit opened(session *s) : saved_(std::exchange(current, s)), outer_(innermost) {
    if (s != nullptr) innermost = s;
    ++depth;
  }
  opened(const opened &) = delete;
  opened &operator=(const opened &) = delete;
  ~opened() {
    current = saved_;
    innermost = outer_;
    --depth;
  }

 private:
  session *saved_;
  session *outer_;
};

// A rollback of a subtransaction removes the registrations of an init in it.
void on_subtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
  if (current == nullptr) return;
  collected &r = current->result;
  if (event == SUBXACT_EVENT_START_SUB) {
    pg::entry([&] { current->before.emplace_back(r.allocations.size(), r.workers.size()); });
    return;
  }
  const bool is_end = event == SUBXACT_EVENT_COMMIT_SUB || event == SUBXACT_EVENT_ABORT_SUB;
  if (!is_end || current->before.empty()) return;
  const auto [allocations, workers] = current->before.back();
  current->before.pop_back();
  if (event == SUBXACT_EVENT_COMMIT_SUB) return;
  r.allocations.resize(allocations);
  r.workers.resize(workers);
}

void watch_subtransactions() {
  static constinit bool is_watching = false;
  if (std::exchange(is_watching, true)) return;
  pg::call([] { RegisterSubXactCallback(on_subtransaction, nullptr); });
}

// Handles and their strings live as long as the process.
struct owned_handle {
  std::string name, version, library;
  dynpgext_handle handle;
};
using handle_key = std::tuple<std::string, std::string, std::string>;
std::map<handle_key, owned_handle> &handles() {
  static auto *const all = new std::map<handle_key, owned_handle>;
  return *all;
}

[[noreturn]] void refuse_handle(const dynpgext_handle *handle, const char *function) {
  std::string who;
  for (const auto &[key, owned] : handles())
    if (&owned.handle == handle) who = "extension \"" + owned.name + "\": ";
  throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  who + function + " may be called only from within _Dynpgext_init",
                  "The handle is valid only while the _Dynpgext_init that was given it runs.");
}

session &session_for(const dynpgext_handle *handle, const char *function) {
  if (current == nullptr || handle == nullptr || current->handle != handle ||
      !current->may_register)
    refuse_handle(handle, function);
  return *current;
}

void api_allocate_shmem(const dynpgext_handle *handle, const char *name, size_t bytes,
                        dynpgext_shmem_callback callback, void *data, int flags) {
  pg::entry(
      [=] { session_for(handle, "allocate_shmem").allocate(name, bytes, callback, data, flags); });
}

void api_register_bgworker(const dynpgext_handle *handle, BackgroundWorker *bgw,
                           dynpgext_bgworker_callback callback, void *data, int flags) {
  pg::entry([=] {
    session_for(handle, "register_bgworker").register_worker(bgw, callback, data, flags, nullptr);
  });
}

void api_register_bgworker_with(const dynpgext_handle *handle, BackgroundWorker *bgw,
                                dynpgext_bgworker_callback callback, void *data, int flags,
                                const dynpgext_bgworker_options *options) {
  pg::entry([=] {
    session_for(handle, "register_bgworker_with")
        .register_worker(bgw, callback, data, flags, options);
  });
}

const dynpgext_handle *handle_for(const model::extension &e) {
  const auto [found, is_new] = handles().try_emplace({e.name, e.version, e.library});
  owned_handle &o = found->second;
  if (is_new) {
    o.name = e.name;
    o.version = e.version;
    o.library = e.library;
    o.handle = {sizeof(dynpgext_handle),    o.name.c_str(),      o.version.c_str(),
                o.library.c_str(),          &api_allocate_shmem, &api_register_bgworker,
                &api_register_bgworker_with};
  }
  return &o.handle;
}

void session::count_one() const {
  if (result.allocations.size() + result.workers.size() < DYNPGEXT_MAX_REGISTRATIONS) return;
  throw pg::error(ERRCODE_PROGRAM_LIMIT_EXCEEDED, "extension \"" + extension.name +
                                                      "\" registers more than " +
                                                      std::to_string(DYNPGEXT_MAX_REGISTRATIONS) +
                                                      " allocations and background workers");
}

void session::allocate(const char *name, size_t size, dynpgext_shmem_callback callback, void *data,
                       int flags) {
  const model::allocation wanted = check_allocation(extension.name, name, size, flags);
  for (const model::allocation &known : result.allocations) {
    if (known.name != wanted.name) continue;
    if (known == wanted) return;
    throw pg::error(ERRCODE_DUPLICATE_OBJECT, "extension \"" + extension.name +
                                                  "\" registers shared memory \"" + wanted.name +
                                                  "\" twice with different size or scope");
  }
  count_one();
  const model::allocation *taken = others.find_allocation(wanted.name);
  if (taken != nullptr && taken->extension != extension.name)
    throw pg::error(
        ERRCODE_DUPLICATE_OBJECT,
        "extension \"" + extension.name + "\" cannot register shared memory \"" + wanted.name +
            "\": the name is taken",
        "It is registered by extension \"" + taken->extension + "\" in this database.",
        "Use another name (by convention extension:version:purpose), or drop that extension.");
  // memory registered with this size has just not been made yet
  const bool may_replace =
      on_resize == resized::replaced || (taken != nullptr && taken->size == wanted.size);
  const state::allocation_request request{wanted, extension, MyDatabaseId, may_replace};
  hold_for_transaction(state::hold_instance(state::attach(), request, [&](void *memory) {
    if (callback == nullptr) return;
    const opened none(nullptr);  // nothing may be registered in it
    pg::call([=] { callback(memory, data); });
  }));
  result.allocations.push_back(wanted);
}

void session::register_worker(const BackgroundWorker *bgw, dynpgext_bgworker_callback callback,
                              void *data, int flags, const dynpgext_bgworker_options *options) {
  model::worker wanted =
      check_worker(extension.name, extension.library, bgw, callback != nullptr, flags);
  check_options(options, wanted);
  bool known = false;
  for (const model::worker &w : result.workers) {
    if (w.name != wanted.name) continue;
    if (!(w == wanted))
      throw pg::error(ERRCODE_DUPLICATE_OBJECT,
                      "extension \"" + extension.name + "\" registers background worker \"" +
                          wanted.name + "\" twice with different definitions");
    known = true;
  }
  if (!known) {
    count_one();
    result.workers.push_back(wanted);
  }
  if (callback != nullptr)
    state::remember_callback(
        {model::home_of(wanted.scope, MyDatabaseId), extension.name, wanted.name}, callback, data);
}

// Extension code may use SQL: it has a snapshot, like any function.
template <class F>
void with_snapshot(F f) {
  pg::call([f] {
    const bool push = !ActiveSnapshotSet();
    if (push) PushActiveSnapshot(GetTransactionSnapshot());
    f();
    if (push) PopActiveSnapshot();
  });
}

}  // namespace

collected run_init(const model::extension &extension, const entry_points &library, Oid role,
                   const model::registrations &others, resized on_resize) {
  if (current != nullptr)
    throw pg::error(ERRCODE_OBJECT_IN_USE, "extension \"" + extension.name +
                                               "\" cannot be provisioned while another one is");
  state::extension_code code(extension.name, extension.library);
  watch_subtransactions();
  session s{extension, others, handle_for(extension), {}, true, on_resize, {}};
  const pg::pinned_identity identity(role);
  const opened session_is_open(&s);
  const auto init = library.init;
  const dynpgext_handle *handle = s.handle;
  code.run([=] { with_snapshot([=] { init(handle); }); });
  return std::move(s.result);
}

void run_fini(const model::extension &extension, const entry_points &library, Oid role) {
  if (library.fini == nullptr) return;
  const model::registrations none;
  state::extension_code code(extension.name, extension.library);
  session s{extension, none, handle_for(extension), {}, false, resized::refused, {}};
  const pg::pinned_identity identity(role);
  const opened session_is_open(&s);
  const auto fini = library.fini;
  const dynpgext_handle *handle = s.handle;
  code.run([=] { with_snapshot([=] { fini(handle); }); });
}

bool in_session() { return depth > 0; }

bool has_registered(const std::string &name) {
  return innermost != nullptr &&
         std::ranges::find(innermost->result.allocations, name, &model::allocation::name) !=
             innermost->result.allocations.end();
}

}  // namespace dynpgext::provisioning
