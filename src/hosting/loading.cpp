#include "hosting/loading.h"

#include "hosting/files.h"
#include "hosting/own_setting.h"
#include "hosting/redirection.h"
#include "hosting/shared_table.h"
#include "pg/fault.h"
#include "shared/text.h"
#include "workers/extension_code.h"

namespace dynpgext::hosting {
namespace {

// In addition to the library's requests: notes of hosting, and the same reserve as the server's.
constexpr uint64 room = uint64{128} << 10;

std::string settings_of(const state::shared &s, const instance &i) {
  const state::reading lock(s);
  return std::string(state::view(s, i.settings));
}

void refuse_loaded(const std::string &name, const std::string &path) {
  if (!is_loaded(path)) return;
  throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  "library \"" + name + "\" is loaded in this process already, and not hosted", {},
                  "New sessions have it hosted.");
}

void call_if_any(void (*f)()) {
  if (f != nullptr) pg::call([=] { f(); });
}

// Messages of _PG_init are logged once: in the keeper.
class quiet_log {
 public:
  quiet_log() : saved_(pg::versions::log_threshold()) {
    if (saved_ < FATAL) pg::versions::set_log_threshold(FATAL);
  }
  quiet_log(const quiet_log &) = delete;
  quiet_log &operator=(const quiet_log &) = delete;
  ~quiet_log() { pg::versions::set_log_threshold(saved_); }

 private:
  int saved_;
};

// The server's loader checks the library's magic, and runs _PG_init.
void run_init(library &l, const std::string &path) {
  private_variables &own = l.own();
  own.process_shared_preload_libraries_in_progress = true;
  own.used_shmem_seg_addr = nullptr;  // the memory comes later
  const char *file = path.c_str();
  pg::call([=] { load_file(file, false); });
  own.process_shmem_requests_in_progress = true;
  call_if_any(own.shmem_request_hook);
#if DYNPGEXT_SHMEM_CALLBACKS
  request_shared(l);
#endif
  own.process_shmem_requests_in_progress = false;
}

void run_startup(library &l, bool is_new) {
  l.own().used_shmem_seg_addr = UsedShmemSegAddr;
#if DYNPGEXT_SHMEM_CALLBACKS
  start_shared(l, is_new);
#else
  (void)is_new;
#endif
  call_if_any(l.own().shmem_startup_hook);
}

// Ends the pretence that the server is starting.
class init_scope {
 public:
  explicit init_scope(library &l) : library_(l) {}
  init_scope(const init_scope &) = delete;
  init_scope &operator=(const init_scope &) = delete;
  ~init_scope() {
    library_.own().process_shared_preload_libraries_in_progress = false;
    library_.own().process_shmem_requests_in_progress = false;
  }

 private:
  library &library_;
};

uint64 bytes_of_tranches(const library &l) {
  uint64 bytes = 0;
  for (const library::tranche_request &t : l.tranche_requests)
    bytes += CACHELINEALIGN(static_cast<uint64>(t.count) * sizeof(LWLockPadded));
  return bytes;
}

uint64 bytes_of_notes(const library &l, const redirection &what) {
  const size_t texts = size_t{2} * PG_CACHE_LINE_SIZE;
  uint64 bytes = l.static_workers.size() * CACHELINEALIGN(sizeof(static_worker));
  for (const library::setting &s : l.kept_settings)
    bytes += 3 * texts + s.name.size() + s.value.value_or("").size();
  return bytes + (what.references.size() + l.tranche_requests.size()) * 3 * texts;
}

void make_tranches(library &l) {
  for (const library::tranche_request &request : l.tranche_requests) {
    auto *t = l.window.make<named_tranche>();
    t->name = l.window.copy(request.name);
    t->count = request.count;
    t->locks = static_cast<LWLockPadded *>(
        l.window.require(static_cast<uint64>(request.count) * sizeof(LWLockPadded)));
    t->id = pg::new_lock_tranche(t->name);
    pg::register_lock_tranche(t->id, t->name);
    for (int n = 0; n < t->count; ++n) LWLockInitialize(&t->locks[n].lock, t->id);
    t->next = l.window.header().tranches;
    l.window.header().tranches = t;
  }
}

// For all other processes.  Lists are in the order of the vectors.
void note_for_others(library &l, const redirection &what) {
  window_header &header = l.window.header();
  for (auto w = l.static_workers.rbegin(); w != l.static_workers.rend(); ++w) {
    auto *noted = l.window.make<static_worker>();
    noted->definition = *w;
    noted->next = header.workers;
    header.workers = noted;
  }
  for (const library::setting &s : l.kept_settings) {
    auto *noted = l.window.make<kept_setting>();
    noted->name = l.window.copy(s.name);
    noted->value = s.value ? l.window.copy(*s.value) : nullptr;
    noted->next = header.settings;
    header.settings = noted;
  }
  for (const redirected_reference &r : what.references) {
    auto *noted = l.window.make<redirected_place>();
    noted->symbol = l.window.copy(r.symbol);
    noted->place = r.place;
    noted->addend = r.addend;
    noted->next = header.redirected;
    header.redirected = noted;
  }
  header.read_only_begin = what.read_only.begin;
  header.read_only_end = what.read_only.end;
}

redirection noted_redirection(const window_header &header) {
  redirection what;
  what.read_only = {header.read_only_begin, header.read_only_end};
  for (const redirected_place *r = header.redirected; r != nullptr; r = r->next)
    what.references.push_back({r->symbol, r->place, r->addend});
  return what;
}

}  // namespace

// The server passes its list of loaded files to parallel workers.
bool is_loaded(const std::string &path) {
  const pg::file_identity wanted = pg::identify_file(path.c_str());
  const Size size = pg::call([] { return EstimateLibraryStateSpace(); });
  std::string names(size, '\0');
  char *to = names.data();
  pg::call([=] { SerializeLibraryState(size, to); });
  // null-terminated paths in sequence, an empty one at the end
  for (size_t at = 0; at < names.size() && names[at] != '\0';) {
    const char *name = names.c_str() + at;
    if (path == name || pg::identify_file(name) == wanted) return true;
    at += std::strlen(name) + 1;
  }
  return false;
}

void load_as_keeper(state::shared &s, instance &i) {
  const std::string name = i.library.str();
  const library_file file = read_library(name);
  const redirection what = redirection_of(name, file);
  const bool is_new = i.size == 0;
  if (!is_new && !(i.file == file.identity))
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "the file of hosted library \"" + name + "\" has been replaced", {},
                    "Use dynpgext.rehost() to host the new file.");
  refuse_loaded(name, file.path);
  watch_files();
  library &l = add_library(i);
  l.is_keeper = true;
  l.own().is_under_postmaster = false;
  l.settings = settings_of(s, i);
  if (is_new)
    remove_left_files(s, i.number);
  else
    l.window.map(s, i);
  const state::guarded_code guard(name, i.database);
  const init_scope scope(l);
  open_redirected(file.path, file.identity, what, l.place());
  run_init(l, file.path);
  if (is_new) {
    refuse_undefined_settings(l);
    i.requested = l.requested + bytes_of_tranches(l);
    i.file = file.identity;
    l.window.create(s, i, i.requested + bytes_of_notes(l, what) + room + i.requested / 16);
    DYNPGEXT_FAULT_POINT("hosting.window_made");
    make_tranches(l);
    note_for_others(l, what);
    i.static_workers = static_cast<uint32>(l.static_workers.size());
  }
  run_startup(l, is_new);
}

void load(state::shared &s, uint64 number) {
  instance &i = *find_instance(require_block(s), number);
  const std::string name = i.library.str();
  const std::string path = pg::library_file("$libdir/" + name);
  if (path.empty() || !(pg::identify_file(path.c_str()) == i.file))
    throw pg::error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "the file of hosted library \"" + name + "\" has been replaced", {},
                    "Use dynpgext.rehost() to host the new file.");
  refuse_loaded(name, path);
  watch_files();
  library &l = add_library(i);
  l.settings = settings_of(s, i);
  l.window.map(s, i);
  const state::guarded_code guard(name, i.database);
  const quiet_log quiet;
  const init_scope scope(l);
  open_redirected(path, i.file, noted_redirection(l.window.header()), l.place());
  DYNPGEXT_FAULT_POINT("hosting.mapped");
  run_init(l, path);
  run_startup(l, false);
  DYNPGEXT_FAULT_POINT("hosting.loaded");
}

void redirect_also(int place, const std::string &name) {
  const std::string path = pg::library_file(name);
  // the server reports what is wrong with it
  if (path.empty() || is_loaded(path)) return;
  const library_file file = read_file(path);
  open_redirected(path, file.identity, redirection_of_second(name, file), place);
}

}  // namespace dynpgext::hosting
