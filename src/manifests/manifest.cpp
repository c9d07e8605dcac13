#include "manifests/manifest.h"

#include "extensions/declared.h"
#include "extensions/participant.h"
#include "pg/encoding.h"
#include "pg/interval.h"
#include "pg/settings.h"
#include "shared/root.h"

namespace dynpgext::provisioning {
namespace {

constexpr size_t most_faults_told = 10000;

model::server_numbers numbers() {
  model::server_numbers n;
  n.start_consistent = BgWorkerStart_ConsistentState;
  n.start_recovery_finished = BgWorkerStart_RecoveryFinished;
  n.flag_shmem_access = BGWORKER_SHMEM_ACCESS;
  n.flag_connects = BGWORKER_BACKEND_DATABASE_CONNECTION;
  n.max_worker_name = BGW_MAXLEN - 1;
  n.max_extension_name = NAMEDATALEN - 1;
  n.text_is_utf8 = GetDatabaseEncoding() == PG_UTF8;
  return n;
}

// Every text of a manifest except contents, which are bytes.
template <class F>
void convert_texts(model::manifest &m, F convert) {
  const auto all = [&](auto &thing) {
    model::for_each_member(thing, [&](const auto &, auto &value) {
      if constexpr (std::is_same_v<decltype(value), std::string &>) value = convert(value);
    });
  };
  for (model::extension_manifest &e : m.extensions) {
    e.extension = convert(e.extension);
    if (e.version) e.version = convert(*e.version);
    for (model::declared_allocation &a : e.allocations) all(a.allocation);
    for (model::declared_worker &w : e.workers) {
      all(w.worker);
      if (!w.command) continue;
      all(*w.command);
      model::bind(w.worker, *w.command);
    }
    for (model::declared_settings &s : e.settings) all(s.settings);
    if (!e.library) continue;
    e.library->library = convert(e.library->library);
    for (model::allocation &a : e.library->allocations) all(a);
    for (model::worker &w : e.library->workers) all(w);
  }
}

bool is_utf8() { return GetDatabaseEncoding() == PG_UTF8; }

}  // namespace

void refuse_faulty(const std::vector<model::json::fault> &faults) {
  if (faults.empty()) return;
  std::string detail;
  for (size_t i = 0; i < faults.size() && i < most_faults_told; ++i)
    detail += (i > 0 ? "\n" : "") + model::json::text_of(faults[i]);
  if (faults.size() > most_faults_told)
    detail += "\nand " + std::to_string(faults.size() - most_faults_told) + " more";
  throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                  "the manifest has " + std::to_string(faults.size()) +
                      (faults.size() == 1 ? " fault" : " faults"),
                  detail, "Nothing has been changed. dynpgext.schema.json describes the format.");
}

model::manifest_result parse_manifest(const std::string &text, const std::string &extension,
                                      bool accepted) {
  model::json::limits within;
  within.bytes = pg::settings::manifest_limit_bytes();
  if (text.size() > within.bytes && !accepted)
    throw pg::error(ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                    "the manifest has " + std::to_string(text.size()) + " bytes",
                    "dynpgext.manifest_limit is " + std::to_string(within.bytes) + " bytes.");
  const std::string utf8 = pg::to_utf8(text);
  within.bytes = utf8.size();
  const model::json::parsed parsed = model::json::parse(utf8, within);
  refuse_faulty(parsed.faults);
  model::manifest_result result = model::read_manifest(
      parsed.document, pg::to_utf8(extension), numbers(),
      [](const std::string &interval) { return pg::parse_interval(interval); });
  if (!is_utf8()) {
    for (model::json::fault &f : result.faults) {
      f.pointer = pg::from_utf8(f.pointer);
      f.message = pg::from_utf8(f.message);
    }
    convert_texts(result.document, pg::from_utf8);
  }
  return result;
}

std::string manifest_text(const model::manifest &m) {
  if (is_utf8()) return model::json::print(model::write_manifest(m, numbers()), false);
  model::manifest utf8 = m;
  convert_texts(utf8, pg::to_utf8);
  return pg::from_utf8(model::json::print(model::write_manifest(utf8, numbers()), false));
}

model::extension_manifest describe_declared(const catalog::store &store,
                                            const model::registrations &all,
                                            const std::string &extension) {
  model::extension_manifest result;
  result.extension = extension;
  std::vector<model::content> contents;
  std::vector<model::command> commands;
  const collected declared = rows_of(all, extension, registrar::sql);
  for (const model::allocation &a : declared.allocations) {
    if (result.allocations.empty()) contents = store.read_contents(extension);
    model::declared_allocation &added = result.allocations.emplace_back();
    added.allocation = a;
    for (const model::content &c : contents)
      if (c.allocation == a.name) added.content = c.bytes;
  }
  for (const model::worker &w : declared.workers) {
    if (w.hosted && commands.empty()) commands = store.read_commands(extension);
    model::declared_worker &added = result.workers.emplace_back();
    added.worker = w;
    for (const model::command &c : commands)
      if (c.worker == w.name) added.command = c;
  }
  return result;
}

model::manifest describe(const catalog::store &store, const std::string &extension) {
  const model::registrations all = store.read();
  const std::int64_t boot = state::attach().root->boot;
  model::manifest result;
  result.whole_database = extension.empty();
  for (const model::extension &e : all.extensions) {
    if (e.is_library || (!extension.empty() && e.name != extension)) continue;
    model::extension_manifest &added = result.extensions.emplace_back();
    added = describe_declared(store, all, e.name);
    added.version = e.version;
    for (const model::worker_settings &s : all.settings)
      if (s.extension == e.name && all.may_have_worker(e.name, s.worker, boot))
        added.settings.push_back({s, {}});
    if (e.library.empty()) continue;
    collected rows = rows_of(all, e.name, registrar::library);
    added.library = {e.library, std::move(rows.allocations), std::move(rows.workers)};
  }
  return result;
}

}  // namespace dynpgext::provisioning
