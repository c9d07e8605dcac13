#include "hosting/process.h"

#include "guard/quarantine.h"
#include "hosting/instances.h"
#include "hosting/loading.h"
#include "hosting/own_setting.h"
#include "hosting/session_list.h"
#include "pg/parallel_worker.h"
#include "pg/serving.h"
#include "pg/settings.h"
#include "pg/transaction.h"
#include "workers/launch.h"
#include "workers/use.h"

namespace dynpgext::hosting {
namespace {

struct candidate {
  uint64 number;
  std::string library;
  Oid database;
  int32 position;
  bool is_asked;
};

// Without libraries hosted by uncommitted transactions.
std::vector<candidate> candidates(state::shared &s, Oid database, uint64 also = 0) {
  block *b = find_block(s);
  std::vector<candidate> all;
  if (b == nullptr) return all;
  const state::reading lock(s);
  for (const instance *i : in_order(*b)) {
    if (!i->is_for(database) || (i->owner != 0 && i->number != also)) continue;
    if (!i->sessions && i->number != also) continue;
    if (i->state != instance_state::asked && i->state != instance_state::hosted) continue;
    all.push_back(
        {i->number, i->library.str(), i->database, i->position, i->state == instance_state::asked});
  }
  return all;
}

// False if it is not hosted by then, or must not run.
bool is_ready(state::shared &s, const candidate &c, long milliseconds) {
  if (state::is_quarantined(s, c.database, c.library)) return false;
  if (!c.is_asked) return true;
  const auto status = await(s, c.number, milliseconds);
  return status && status->state == instance_state::hosted;
}

bool load_one(state::shared &s, const candidate &c) {
  if (find_library(c.library) != nullptr) return false;
  if (!attach(s, c.number, IsParallelWorker())) return false;
  load(s, c.number);
  return true;
}

// Failures go to the log: clients have not requested the library.
void report(const std::string &doing, const char *why) {
  pg::log(LOG, "dynpgext: while " + doing + ": " + why, "See dynpgext.hosted.");
}

std::string list_of(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

bool try_to_load(state::shared &s, const candidate &c) {
  bool is_new = false;
  const std::string doing = "loading hosted library \"" + c.library + "\"";
  if (IsTransactionState()) {
    const auto why = pg::attempt([&] { is_new = load_one(s, c); });
    if (why) report(doing, why->message.c_str());
    return !why && is_new;
  }
  try {
    return load_one(s, c);
  } catch (const pg::server_error &e) {
    report(doing, e.what());
  } catch (const pg::error &e) {
    report(doing, e.what());
  }
  return false;
}

}  // namespace

pg::moment end_of_wait() {
  return pg::moment::now() + std::chrono::milliseconds(pg::settings::hosting_wait_milliseconds());
}

loaded_libraries load_all(state::shared &s, Oid database, pg::moment end) {
  loaded_libraries result;
  std::vector<std::string> absent;
  if (pg::settings::safe_mode()) return result;
  for (const candidate &c : candidates(s, database)) {
    if (find_library(c.library) != nullptr) continue;
    const std::string name = "\"" + c.library + "\"";
    if (!is_ready(s, c, std::max(pg::milliseconds_until(end), 0L)))
      absent.push_back(name);
    else if (try_to_load(s, c))
      ++result.loaded;
    else
      result.missing.push_back(name);
  }
  if (!absent.empty())
    pg::log(LOG, "hosted libraries are not loaded: " + list_of(absent),
            "They are not hosted yet, or are quarantined; see dynpgext.hosted.");
  result.missing.insert(result.missing.end(), absent.begin(), absent.end());
  return result;
}

void load_before(state::shared &s, const instance &keeper_of) {
  constexpr long patience = 60000;
  for (const candidate &c : candidates(s, keeper_of.database, keeper_of.number)) {
    if (c.number == keeper_of.number) return;
    if (c.library == keeper_of.library.view()) continue;  // being replaced
    if (is_ready(s, c, patience)) (void)try_to_load(s, c);
  }
}

library *load_for_worker(state::shared &s, uint64 number) {
  auto status = status_of(s, number);
  if (!status || state::is_quarantined(s, status->database, status->library)) return nullptr;
  status = await(s, number, -1);
  if (!status || status->state != instance_state::hosted) return nullptr;
  for (const candidate &c : candidates(s, status->database, number)) {
    if (c.number == number) {
      (void)load_one(s, c);
    } else if (c.library != status->library && is_ready(s, c, 0)) {
      (void)try_to_load(s, c);
    }
  }
  library *l = find_library(status->library);
  return l != nullptr && l->number() == number ? l : nullptr;
}

void load_as_leader() noexcept {
  const PGPROC *leader = pg::parallel_leader();
  if (leader == nullptr || !state::available()) return;
  (void)pg::swallow("loading the hosted libraries of the leader", [leader] {
    state::shared &s = state::attach();
    block *b = find_block(s);
    if (b == nullptr) return;
    std::vector<candidate> wanted;
    {
      const state::reading lock(s);
      const uint64 bits = attached_by(*b, *leader);
      for (const instance &i : b->instances)
        if ((bits >> static_cast<size_t>(&i - b->instances) & 1) != 0)
          wanted.push_back({i.number, i.library.str(), i.database, i.position, false});
    }
    std::sort(wanted.begin(), wanted.end(), [](const candidate &x, const candidate &y) {
      return std::pair(x.position, x.number) < std::pair(y.position, y.number);
    });
    for (const candidate &c : wanted) (void)load_one(s, c);
  });
}

void start_session() {
  if (!IsUnderPostmaster || IsBinaryUpgrade || process_shared_preload_libraries_in_progress) return;
  if (pg::settings::safe_mode()) return;  // without waiting
  loaded_libraries result;
  const bool is_done = pg::tolerate(
      "loading hosted libraries",
      [&] {
        state::shared &s = state::use();
        const pg::moment end = end_of_wait();
        const bool is_followed = await_databases(s, end);
        result = load_all(s, MyDatabaseId, end);
        if (!is_followed)
          result.missing.emplace_back("those of a database that has not been looked at");
      },
      nullptr);
  refuse_settings_of_client();
  if ((is_done && result.missing.empty()) || !pg::settings::is_hosting_required()) return;
  const char *superuser = pg::call([] { return GetConfigOption("is_superuser", true, false); });
  if (superuser != nullptr && std::strcmp(superuser, "on") == 0) return;
  throw pg::error(ERRCODE_CANNOT_CONNECT_NOW,
                  "hosted libraries are not there" +
                      (result.missing.empty() ? "" : ": " + list_of(result.missing)),
                  {}, "dynpgext.hosting_wait refuses sessions without it; superusers can connect.");
}

}  // namespace dynpgext::hosting

extern "C" {
PGDLLEXPORT void dynpgext_start_session(void);
}

void dynpgext_start_session(void) {
  if (void *const other = dynpgext::pg::serving_function("dynpgext_start_session"))
    return reinterpret_cast<void (*)(void)>(other)();
  dynpgext::pg::entry([] { dynpgext::hosting::start_session(); });
}
