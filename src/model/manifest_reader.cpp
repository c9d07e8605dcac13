// The format, object by object, as in schema/dynpgext.schema.json.  Faults that the schema cannot
// express are marked; test/manifest compares the two.
#include "model/manifest.h"
#include "model/manifest_fields.h"
#include "model/manifest_items.h"

namespace dynpgext::model {
namespace {

using fields::object;
using fields::part;
using fields::place;
using fields::reading;
using fields::required;

library_part read_library(reading &r, const place &at, const json::value &v) {
  library_part result;
  object o(r.all, at, v);
  if (!o.is_object()) return result;
  o.text("name", {1, max_library_name}, result.library, required);
  o.list("allocations", max_manifest_items, [&](const place &p, const json::value &item) {
    result.allocations.push_back(r.read_allocation(p, item, part::library).allocation);
  });
  o.list("workers", max_manifest_items, [&](const place &p, const json::value &item) {
    result.workers.push_back(r.read_worker(p, item, part::library).worker);
  });
  o.finish();
  return result;
}

// The extension of the manifest: `expected`, or if that is empty, any.
std::string read_whose(reading &r, object &o, const std::string &expected) {
  const bool is_item = o.where().parent != nullptr;
  std::string said;
  const bool is_good = o.text("extension", {1, r.numbers.max_extension_name, true}, said,
                              is_item ? required : fields::optional);
  if (is_item && is_good) r.all.must_differ(o.place_of("extension"), "extension", said);
  if (!is_item && !o.has("extension") && expected.empty()) o.fault("extension", "is missing", true);
  if (is_good && !expected.empty() && said != expected)
    o.fault("extension", "is not \"" + expected + "\"", true);
  return expected.empty() ? said : expected;
}

extension_manifest read_extension(reading &r, object &o, const std::string &expected) {
  extension_manifest result;
  result.place = o.where().pointer();
  result.extension = r.extension = read_whose(r, o, expected);
  r.group = "of " + result.place + " ";
  std::string version;
  if (o.text("version", {1, max_version}, version)) result.version = version;
  o.list("allocations", max_manifest_items, [&](const place &at, const json::value &v) {
    result.allocations.push_back(r.read_allocation(at, v, part::declared));
  });
  o.list("workers", max_manifest_items, [&](const place &at, const json::value &v) {
    result.workers.push_back(r.read_worker(at, v, part::declared));
  });
  o.list("settings", max_manifest_items, [&](const place &at, const json::value &v) {
    result.settings.push_back(r.read_settings(at, v));
  });
  if (const json::value *const v = o.get("library"))
    result.library = read_library(r, o.place_of("library"), *v);
  if (result.allocations.size() + result.workers.size() > max_registrations)
    r.all.add(o.where(),
              "more than " + std::to_string(max_registrations) + " allocations and workers", true);
  o.finish();
  return result;
}

void read_extensions(reading &r, object &o, const std::string &expected,
                     std::vector<extension_manifest> &into) {
  if (!expected.empty()) o.fault("extensions", "not in the manifest of one extension", true);
  o.list("extensions", max_manifest_items, [&](const place &at, const json::value &v) {
    object e(r.all, at, v);
    if (e.is_object()) into.push_back(read_extension(r, e, {}));
  });
  constexpr const char *why = "must not stand beside \"extensions\"";
  o.finish({{"extension", why},
            {"version", why},
            {"allocations", why},
            {"workers", why},
            {"settings", why},
            {"library", why}});
}

}  // namespace

manifest_result read_manifest(const json::value &document, const std::string &extension,
                              const server_numbers &numbers, const interval_reader &read_interval) {
  manifest_result result;
  reading r{numbers, read_interval, {}, {}, {}};
  const place root;
  object o(r.all, root, document);
  if (o.is_object()) {
    std::int64_t version = manifest_version;
    o.integer("dynpgext", manifest_version, manifest_version, version, required);
    result.document.whole_database = o.has("extensions");
    if (result.document.whole_database)
      read_extensions(r, o, extension, result.document.extensions);
    else
      result.document.extensions.push_back(read_extension(r, o, extension));
  }
  result.faults = r.all.take();
  return result;
}

}  // namespace dynpgext::model
