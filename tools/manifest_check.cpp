// For test/manifest/check.py: reads documents, one per line, and prints one line for each: "ok", or
// its faults as JSON.
#include <iostream>
#include <string>

#include "../test/manifest/interval.h"
#include "model/manifest.h"

namespace {

using namespace dynpgext::model;

json::value
value_of(const std::vector<json::fault> &faults, bool is_json) {
  json::array items;
  for (const json::fault &f : faults)
    items.push_back({json::object{
        {"pointer", {f.pointer}}, {"message", {f.message}}, {"beyond_schema", {f.beyond_schema}}}});
  return {json::object{{"is_json", {is_json}}, {"faults", {std::move(items)}}}};
}

std::string
judgement_of(const std::string &text) {
  const json::parsed p = json::parse(text, json::limits());
  if (!p.faults.empty())
    return json::print(value_of(p.faults, false), false);
  const auto r = read_manifest(p.document, "", server_numbers(), manifests::microseconds_of);
  return r.faults.empty() ? "ok" : json::print(value_of(r.faults, true), false);
}

} // namespace

int
main() {
  std::string line;
  while (std::getline(std::cin, line))
    std::cout << judgement_of(line) << '\n';
  return std::cout.good() ? 0 : 1;
}
