// Any bytes as a manifest: nothing may crash, and
//   - JSON is printed so that it reads the same again;
//   - faults are readable, and point at parts of the document, or at missing ones;
//   - a valid manifest is written so that it reads the same again, and is then written the same.
// libFuzzer calls LLVMFuzzerTestOneInput(); replay.cpp works without it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../manifest/interval.h"
#include "model/manifest.h"
#include "model/text.h"

namespace {

using namespace dynpgext::model;

void require(bool condition, const char *what, const std::string &detail = {}) {
  if (condition) return;
  std::fprintf(stderr, "violated: %s\n%s\n", what, detail.c_str());
  std::abort();
}

// The value to which a pointer refers.
const json::value *at(const json::value *v, std::string_view pointer) {
  while (v != nullptr && !pointer.empty()) {
    require(pointer.front() == '/', "a pointer is made of steps");
    pointer.remove_prefix(1);
    const std::string_view step = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(step.size());
    if (const auto *const items = std::get_if<json::array>(&v->of)) {
      const std::size_t index = std::strtoul(std::string(step).c_str(), nullptr, 10);
      v = index < items->size() ? &(*items)[index] : nullptr;
    } else if (const auto *const members = std::get_if<json::object>(&v->of)) {
      const auto found = std::find_if(members->begin(), members->end(), [&](const auto &m) {
        return json::child({}, m.first).substr(1) == step;
      });
      v = found == members->end() ? nullptr : &found->second;
    } else {
      v = nullptr;
    }
  }
  return v;
}

void check_fault(const json::value &document, const json::fault &f) {
  require(!f.message.empty(), "a fault says something");
  // pointers contain the same characters as names, including control characters
  require(is_readable(f.message) || f.beyond_schema, "a message is readable", f.message);
  const std::string parent = f.pointer.substr(0, f.pointer.rfind('/'));
  require(at(&document, parent) != nullptr, "a fault's place is in the document", f.pointer);
  const bool is_missing = f.message == "is missing";
  require((at(&document, f.pointer) == nullptr) == is_missing, "what is there is not missing",
          json::text_of(f));
}

template <class List, class NameOf>
void sort_by_name(List &list, NameOf name_of) {
  std::sort(list.begin(), list.end(),
            [&](const auto &a, const auto &b) { return name_of(a) < name_of(b); });
}

// Without the parts that a written manifest does not keep: places, and the order of lists.
manifest plain(manifest m) {
  sort_by_name(m.extensions, [](const auto &e) { return e.extension; });
  for (extension_manifest &e : m.extensions) {
    e.place.clear();
    for (auto &a : e.allocations) a.place.clear();
    for (auto &w : e.workers) w.place.clear();
    for (auto &s : e.settings) s.place.clear();
    sort_by_name(e.allocations, [](const auto &a) { return a.allocation.name; });
    sort_by_name(e.workers, [](const auto &w) { return w.worker.name; });
    sort_by_name(e.settings, [](const auto &s) { return s.settings.worker; });
    if (!e.library) continue;
    sort_by_name(e.library->allocations, [](const auto &a) { return a.name; });
    sort_by_name(e.library->workers, [](const auto &w) { return w.name; });
  }
  return m;
}

constexpr json::limits within{1 << 20, 16};

json::value parse_again(const std::string &text) {
  const json::parsed p = json::parse(text, within);
  require(p.faults.empty(), "what is printed is JSON", text);
  return p.document;
}

void check_manifest(const json::value &document, const std::string &extension) {
  const server_numbers numbers;
  const manifest_result r = read_manifest(document, extension, numbers, manifests::microseconds_of);
  for (const json::fault &f : r.faults) check_fault(document, f);
  if (!r.faults.empty()) return;
  const std::string text = json::print(write_manifest(r.document, numbers), true);
  const manifest_result again =
      read_manifest(parse_again(text), extension, numbers, manifests::microseconds_of);
  for (const json::fault &f : again.faults) require(false, json::text_of(f).c_str(), text);
  require(plain(again.document) == plain(r.document), "what is written reads the same", text);
  require(json::print(write_manifest(again.document, numbers), true) == text,
          "what was read again is written the same", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char *>(data), size);
  const json::parsed p = json::parse(text, within);
  for (const json::fault &f : p.faults) {
    require(!f.message.empty() && is_readable(f.message), "a message is readable", f.message);
    require(json::print({f.pointer}, false).find("\xef\xbf\xbd") == std::string::npos ||
                f.pointer.find("\xef\xbf\xbd") != std::string::npos,
            "a pointer is valid UTF-8", f.pointer);
  }
  if (!p.faults.empty()) return 0;
  const std::string printed = json::print(p.document, false);
  require(json::print(parse_again(printed), false) == printed, "JSON is printed the same", printed);
  check_manifest(p.document, "");
  check_manifest(p.document, "queue");
  return 0;
}
