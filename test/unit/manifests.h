// Shared by the tests of manifests: texts in and out, and documents with one item.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "../manifest/interval.h"
#include "model/manifest.h"

namespace dynpgext::model::manifests {

inline const server_numbers numbers;

inline json::parsed parse(std::string_view text) { return json::parse(text, json::limits()); }

inline std::string text_of(const std::vector<json::fault> &faults) {
  std::string result;
  for (const json::fault &f : faults)
    result += json::text_of(f) + (f.beyond_schema ? " (beyond)" : "") + "\n";
  return result;
}

inline manifest_result read(std::string_view text, const std::string &extension = "queue") {
  const json::parsed p = parse(text);
  if (!p.faults.empty()) return {{}, p.faults};
  return read_manifest(p.document, extension, numbers, microseconds_of);
}

// The faults, one per line.
inline std::string faults_of(std::string_view text, const std::string &extension = "queue") {
  return text_of(read(text, extension).faults);
}

// The one extension of a manifest without faults.
inline extension_manifest read_one(const std::string &text,
                                   const std::string &extension = "queue") {
  manifest_result r = read(text, extension);
  EXPECT_EQ(text_of(r.faults), "") << text;
  EXPECT_EQ(r.document.extensions.size(), 1U);
  r.document.extensions.resize(1);
  return r.document.extensions[0];
}

// Documents with one item; `rest` are members, each with a comma before it.
inline std::string with_allocation(const std::string &rest) {
  return R"({"dynpgext":1,"allocations":[{"name":"a","size":8)" + rest + "}]}";
}
inline std::string with_c(const std::string &rest) {
  return R"({"dynpgext":1,"workers":[{"name":"w","library":"l","function":"f")" + rest + "}]}";
}
inline std::string with_sql(const std::string &rest) {
  return R"({"dynpgext":1,"workers":[{"name":"w","command":"select 1")" + rest + "}]}";
}
inline std::string with_settings(const std::string &rest) {
  return R"({"dynpgext":1,"settings":[{"worker":"w")" + rest + "}]}";
}
inline std::string with_library(const std::string &rest) {
  return R"({"dynpgext":1,"library":{"name":"$libdir/queue")" + rest + "}}";
}
inline std::string quoted(const std::string &text) { return "\"" + text + "\""; }
inline std::string repeated(const std::string &what, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += what;
  return result;
}

inline const std::string umlaut = "\xc3\xa4";

inline std::string write(const manifest &m, bool indented = false) {
  return json::print(write_manifest(m, numbers), indented);
}

}  // namespace dynpgext::model::manifests
