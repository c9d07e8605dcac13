// Reads one object of a manifest, member by member.  Faults are collected and reading continues;
// they are returned in the order of the document.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/manifest.h"

namespace dynpgext::model::fields {

// A value's place in the document: a list from the value to the document, on the stack of its
// reader.  A pointer is made from it only on request.
struct place {
  const place *parent = nullptr;
  std::string_view name;  // of a member; empty for an item
  std::size_t index = 0;  // among its siblings
  bool is_member = false;

  [[nodiscard]] std::string pointer() const;
  // Compares like the places in the document.
  [[nodiscard]] std::vector<std::size_t> order() const;
};

// Maximum stored, so that the faults of a megabyte of text do not need a hundred.
inline constexpr std::size_t max_faults = 10000;

class faults {
 public:
  void add(const place &where, std::string message, bool beyond_schema = false);
  // For names that must differ: reports all except the first of them, in the document's order.
  // Names in different groups may be equal.
  void must_differ(const place &where, std::string group, std::string name);
  [[nodiscard]] std::vector<json::fault> take();

 private:
  struct entry {
    std::vector<std::size_t> order;
    json::fault fault;
  };
  struct named {
    std::vector<std::size_t> order;
    std::string pointer;
    std::string group;
    std::string name;
  };
  void add(entry one);
  void find_duplicates();

  std::vector<entry> entries_;
  std::vector<named> names_;
  bool is_full_ = false;
  bool only_beyond_lost_ = true;
};

// Limits of a string's length.
struct length {
  std::size_t least = 1;  // characters
  std::size_t most = 0;   // characters; 0: no limit
  bool bytes = false;     // `most` also applies to bytes
};

// Range of an interval, in milliseconds, and its description.
struct interval_range {
  std::int64_t least;
  std::int64_t most;
  const char *text;
};

// A word allowed instead of an interval, and its value.
struct interval_word {
  std::string_view text;
  std::int64_t value;
};

enum class presence { optional, required };
using enum presence;

// Members are read by name; finish() reports those that nobody has read. `into` is unchanged unless
// the member exists and is valid; then the result is true.
class object {
 public:
  object(faults &all, const place &where, const json::value &v);

  [[nodiscard]] const place &where() const { return where_; }
  [[nodiscard]] bool is_object() const { return members_ != nullptr; }
  [[nodiscard]] bool has(std::string_view name) const;
  // Of a member; for a missing one, its expected place: after the others.
  [[nodiscard]] place place_of(std::string_view name) const;

  const json::value *get(const char *name, presence needed = optional);
  bool text(const char *name, const length &limit, std::string &into, presence needed = optional);
  bool integer(const char *name, std::int64_t least, std::int64_t most, std::int64_t &into,
               presence needed = optional);
  // `usual` is for the writer: the default.
  bool boolean(const char *name, bool &into, bool usual = false);
  bool interval(const char *name, const interval_reader &read, const interval_range &range,
                std::int64_t &into, std::span<const interval_word> words = {});
  // Two lower-case digits for each byte; `most` bytes, 0: no limit.
  bool hex(const char *name, std::size_t most, std::string &into);
  // Index of the name.
  bool choice(const char *name, const std::vector<std::string_view> &names, std::size_t &into);
  // The value with this name.
  template <class Value>
  bool choice(const char *name, std::initializer_list<Value> values, Value &into,
              Value /* usual */ = {}) {
    std::vector<std::string_view> names;
    for (const Value v : values) names.push_back(name_of(v));
    std::size_t chosen = 0;
    if (!choice(name, names, chosen)) return false;
    into = values.begin()[chosen];
    return true;
  }
  // A limited number of items; calls the function for each.
  template <class Each>
  void list(const char *name, std::size_t most, Each each) {
    const json::array *const items = array(name, most);
    if (items == nullptr) return;
    const place in = place_of(name);
    for (std::size_t i = 0; i < items->size(); ++i) each(place{&in, {}, i, false}, (*items)[i]);
  }

  void fault(std::string_view member, std::string message, bool beyond_schema = false);
  // A known key in a wrong place, with the reason.
  struct stranger {
    std::string_view name;
    const char *why;
  };
  void finish(const std::vector<stranger> &strangers = {});
  // The keys that `ask` reads from an object.
  template <class Ask>
  [[nodiscard]] static std::vector<stranger> asked_for(Ask ask, const char *why) {
    faults none;
    const place nowhere;
    const json::value empty{json::object{}};
    object asked(none, nowhere, empty);
    ask(asked);
    std::vector<stranger> result;
    for (const std::string_view name : asked.known_) result.push_back({name, why});
    return result;
  }

 private:
  const json::array *array(const char *name, std::size_t most);
  [[nodiscard]] std::string unknown(std::string_view name) const;

  faults &faults_;
  const place &where_;
  const json::object *members_;
  std::vector<std::string_view> known_;    // read so far
  std::vector<std::string_view> missing_;  // among those
};

}  // namespace dynpgext::model::fields
