#include "model/manifest_fields.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "model/text.h"

namespace dynpgext::model::fields {
namespace {

constexpr std::size_t max_interval_text = 100;
constexpr std::size_t most_typed_wrong = 2;

// In JSON Schema, 5.0 is an integer.
bool is_integer(const json::value &v) {
  const auto *const r = std::get_if<json::real>(&v.of);
  return std::holds_alternative<std::int64_t>(v.of) ||
         (r != nullptr && std::trunc(r->number) == r->number);
}

// Is it in the range of int64?
bool int64_of(const json::value &v, std::int64_t &n) {
  constexpr double bound = 0x1p63;
  if (const auto *const r = std::get_if<json::real>(&v.of)) {
    if (r->number < -bound || r->number >= bound) return false;
    n = static_cast<std::int64_t>(r->number);
  } else {
    n = std::get<std::int64_t>(v.of);
  }
  return true;
}

}  // namespace

std::string place::pointer() const {
  if (parent == nullptr) return {};
  return is_member ? json::child(parent->pointer(), name) : json::child(parent->pointer(), index);
}

std::vector<std::size_t> place::order() const {
  if (parent == nullptr) return {};
  std::vector<std::size_t> result = parent->order();
  result.push_back(index);
  return result;
}

void faults::add(const place &where, std::string message, bool beyond_schema) {
  add({where.order(), {where.pointer(), std::move(message), beyond_schema}});
}

void faults::add(entry one) {
  if (entries_.size() < max_faults) {
    entries_.push_back(std::move(one));
  } else {
    is_full_ = true;
    only_beyond_lost_ = only_beyond_lost_ && one.fault.beyond_schema;
  }
}

void faults::must_differ(const place &where, std::string group, std::string name) {
  names_.push_back({where.order(), where.pointer(), std::move(group), std::move(name)});
}

void faults::find_duplicates() {
  std::stable_sort(names_.begin(), names_.end(),
                   [](const named &a, const named &b) { return a.order < b.order; });
  std::map<std::pair<std::string, std::string>, std::string> first;
  for (named &n : names_) {
    const auto [known, is_new] = first.try_emplace({n.group, n.name}, n.pointer);
    if (!is_new)
      add({n.order,
           {n.pointer, "\"" + n.name + "\" stands at " + known->second + " already", true}});
  }
  names_.clear();
}

std::vector<json::fault> faults::take() {
  find_duplicates();
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const entry &a, const entry &b) { return a.order < b.order; });
  std::vector<json::fault> result;
  result.reserve(entries_.size() + 1);
  for (entry &e : entries_) result.push_back(std::move(e.fault));
  if (is_full_) result.push_back({"", "too many faults to show all", only_beyond_lost_});
  entries_.clear();
  return result;
}

object::object(faults &all, const place &where, const json::value &v)
    : faults_(all), where_(where), members_(std::get_if<json::object>(&v.of)) {
  if (!is_object()) faults_.add(where_, "must be an object");
}

bool object::has(std::string_view name) const {
  return is_object() && std::any_of(members_->begin(), members_->end(),
                                    [&](const json::member &m) { return m.first == name; });
}

place object::place_of(std::string_view name) const {
  std::size_t index = 0;
  if (is_object())
    while (index < members_->size() && (*members_)[index].first != name) ++index;
  return {&where_, name, index, true};
}

void object::fault(std::string_view member, std::string message, bool beyond_schema) {
  faults_.add(place_of(member), std::move(message), beyond_schema);
}

const json::value *object::get(const char *name, presence needed) {
  known_.emplace_back(name);
  if (!is_object()) return nullptr;
  for (const json::member &m : *members_)
    if (m.first == name) return &m.second;
  missing_.emplace_back(name);
  if (needed == required) fault(name, "is missing");
  return nullptr;
}

bool object::text(const char *name, const length &limit, std::string &into, presence needed) {
  const json::value *const v = get(name, needed);
  if (v == nullptr) return false;
  const auto *const text = std::get_if<std::string>(&v->of);
  const std::string most = std::to_string(limit.most);
  if (text == nullptr) {
    fault(name, "must be a string");
  } else if (characters_in(*text) < limit.least) {
    fault(name, "must not be empty");
  } else if (limit.most > 0 && characters_in(*text) > limit.most) {
    fault(name, "more than " + most + " characters");
  } else if (limit.bytes && text->size() > limit.most) {
    fault(name, "more than " + most + " bytes", true);
  } else {
    into = *text;
    return true;
  }
  return false;
}

bool object::integer(const char *name, std::int64_t least, std::int64_t most, std::int64_t &into,
                     presence needed) {
  const json::value *const v = get(name, needed);
  if (v == nullptr) return false;
  std::int64_t n = 0;
  const std::string range = std::to_string(least) + " to " + std::to_string(most);
  if (!is_integer(*v) && least != most) {
    fault(name, "must be an integer");
  } else if (!is_integer(*v) || !int64_of(*v, n) || n < least || n > most) {
    fault(name, "must be " + (least == most ? std::to_string(least) : "from " + range));
  } else {
    into = n;
    return true;
  }
  return false;
}

bool object::boolean(const char *name, bool &into, bool /* usual */) {
  const json::value *const v = get(name);
  if (v == nullptr) return false;
  const bool *const b = std::get_if<bool>(&v->of);
  if (b == nullptr) {
    fault(name, "must be true or false");
    return false;
  }
  into = *b;
  return true;
}

bool object::interval(const char *name, const interval_reader &read, const interval_range &range,
                      std::int64_t &into, std::span<const interval_word> words) {
  std::string text;
  if (!this->text(name, {1, max_interval_text}, text)) return false;
  for (const interval_word &w : words) {
    if (text != w.text) continue;
    into = w.value;
    return true;
  }
  const std::optional<std::int64_t> microseconds = read(text);
  if (!microseconds) {
    fault(name, "not an interval", true);
  } else if (*microseconds < range.least * 1000 || *microseconds > range.most * 1000) {
    fault(name, range.text, true);
  } else {
    into = (*microseconds + 999) / 1000;  // a positive value never becomes 0
    return true;
  }
  return false;
}

bool object::hex(const char *name, std::size_t most, std::string &into) {
  const json::value *const v = get(name);
  if (v == nullptr) return false;
  const auto *const text = std::get_if<std::string>(&v->of);
  const auto bytes = text == nullptr ? std::nullopt : from_hex(*text);
  if (!bytes) {
    fault(name, "must be a string of two digits, 0 to 9 and a to f, for each byte");
  } else if (most > 0 && bytes->size() > most) {
    fault(name, "more than " + std::to_string(most) + " bytes");
  } else {
    into = *bytes;
    return true;
  }
  return false;
}

bool object::choice(const char *name, const std::vector<std::string_view> &names,
                    std::size_t &into) {
  const json::value *const v = get(name);
  if (v == nullptr) return false;
  const auto *const text = std::get_if<std::string>(&v->of);
  const auto found = text == nullptr ? names.end() : std::find(names.begin(), names.end(), *text);
  if (found != names.end()) {
    into = static_cast<std::size_t>(found - names.begin());
    return true;
  }
  std::string all;
  for (auto n = names.begin(); n != names.end(); ++n)
    all += (n == names.begin()     ? ""
            : n + 1 == names.end() ? " or "
                                   : ", ") +
           ("\"" + std::string(*n) + "\"");
  fault(name, "must be " + all);
  return false;
}

const json::array *object::array(const char *name, std::size_t most) {
  const json::value *const v = get(name);
  if (v == nullptr) return nullptr;
  const auto *const items = std::get_if<json::array>(&v->of);
  if (items == nullptr)
    fault(name, "must be an array");
  else if (items->size() > most)
    fault(name, "more than " + std::to_string(most) + " items");
  return items;
}

std::string object::unknown(std::string_view name) const {
  std::string_view nearest;
  std::size_t distance = most_typed_wrong + 1;
  for (const std::string_view k : missing_) {
    // a name of any length costs only a check of its length
    const std::size_t longer = std::max(name.size(), k.size()) - std::min(name.size(), k.size());
    if (longer > most_typed_wrong) continue;
    if (const std::size_t d = edit_distance(name, k); d < distance) distance = d, nearest = k;
  }
  if (nearest.empty()) return "unknown key";
  return "unknown key, did you mean \"" + std::string(nearest) + "\"?";
}

void object::finish(const std::vector<stranger> &strangers) {
  if (!is_object()) return;
  for (std::size_t i = 0; i < members_->size(); ++i) {
    const std::string &name = (*members_)[i].first;
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    const auto s = std::find_if(strangers.begin(), strangers.end(),
                                [&](const stranger &one) { return one.name == name; });
    faults_.add({&where_, name, i, true}, s != strangers.end() ? s->why : unknown(name));
  }
}

}  // namespace dynpgext::model::fields
