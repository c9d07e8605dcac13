// Each member of the registered objects is everywhere it belongs: in its list, its table's columns,
// the encoding, comparisons, and manifests.
#include "model/members.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <concepts>
#include <fstream>
#include <set>

#include "catalog/rows.h"
#include "manifests.h"
#include "model/encoding.h"
#include "model/text.h"

namespace dynpgext::model {
namespace {

// ---- values that differ from the default in every member --------------------------------------

void change(std::string &value) { value += "\xc3\xa4 '\\"; }
void change(bool &value) { value = !value; }
template <std::integral T>
void change(T &value) {
  value = static_cast<T>(~value);
}
template <class T>
requires std::is_enum_v<T>
void change(T &value) { value = static_cast<T>(static_cast<int>(value) + 1); }
template <std::size_t Size>
void change(std::array<char, Size> &value) {
  for (std::size_t i = 0; i < Size; ++i) value[i] = static_cast<char>(i * 3 + 1);
}
template <class T>
void change(std::optional<T> &value) {
  T set{};
  change(set);
  value = set;
}

template <class T>
T changed() {
  T thing;
  for_each_member(thing, [](const auto &, auto &value) { change(value); });
  return thing;
}

// check(member, value): values that differ from the default in one member.
template <class T, class Check>
void for_each_change(Check check) {
  const T thing;
  for_each_member(thing, [&](const auto &m, const auto &) {
    T other;
    change(m(other));
    check(m, other);
  });
}

// ---- tables -----------------------------------------------------------------------------------

// A row, without a server.
struct row {
  struct column {
    std::string type;
    std::string text;
    std::int64_t number = 0;
    bool operator==(const column &) const = default;
  };
  std::vector<column> columns;

  void text(std::string_view value) { columns.push_back({"text", std::string(value)}); }
  void name(std::string_view value) { columns.push_back({"name", std::string(value)}); }
  void boolean(bool value) { columns.push_back({"boolean", {}, value}); }
  void integer(std::int32_t value) { columns.push_back({"integer", {}, value}); }
  void oid(std::uint32_t value) { columns.push_back({"oid", {}, value}); }
  void bigint(std::int64_t value) { columns.push_back({"bigint", {}, value}); }
  void interval(std::int64_t value) { columns.push_back({"interval", {}, value}); }
  void null() { columns.push_back({"null", {}}); }

  const column &at(int i, const char *type) const {
    EXPECT_EQ(columns.at(static_cast<std::size_t>(i)).type, type) << "column " << i;
    return columns.at(static_cast<std::size_t>(i));
  }
  bool is_null(int i) const { return columns.at(static_cast<std::size_t>(i)).type == "null"; }
  std::string text(int i) const { return at(i, "text").text; }
  std::string name(int i) const { return at(i, "name").text; }
  bool boolean(int i) const { return at(i, "boolean").number != 0; }
  std::int32_t integer(int i) const { return static_cast<std::int32_t>(at(i, "integer").number); }
  std::uint32_t oid(int i) const { return static_cast<std::uint32_t>(at(i, "oid").number); }
  std::int64_t bigint(int i) const { return at(i, "bigint").number; }
  std::int64_t interval(int i) const { return at(i, "interval").number; }
};

template <class T>
row row_of(const T &thing) {
  row r;
  catalog::to_row(thing, r);
  return r;
}

// The types of a table's columns, from the script that creates it.
std::vector<std::string> column_types(const std::string &table) {
  std::ifstream script("../../schema/20_tables.sql");
  EXPECT_TRUE(script.is_open());
  std::vector<std::string> types;
  bool inside = false;
  for (std::string line; std::getline(script, line);) {
    if (line == "CREATE TABLE dynpgext." + table + " (") inside = true;
    if (line == ");") inside = false;
    if (!inside || !line.starts_with("    ") || std::isupper(line[4])) continue;
    const std::size_t at = line.find(' ', 4) + 1;
    const std::string type = line.substr(at, line.find_first_of(" ,", at) - at);
    types.push_back(type == "bytea" ? "text" : type);
  }
  return types;
}

template <class T>
constexpr const char *table = nullptr;
template <>
constexpr const char *table<extension> = "registered_extension";
template <>
constexpr const char *table<allocation> = "registered_allocation";
template <>
constexpr const char *table<worker> = "registered_worker";
template <>
constexpr const char *table<worker_settings> = "worker_settings";
template <>
constexpr const char *table<command> = "registered_command";
template <>
constexpr const char *table<content> = "registered_content";

// ---- in every list ----------------------------------------------------------------------------

struct three {
  std::string text;
  std::optional<std::int64_t> number;
  std::array<char, 4> bytes;
};

}  // namespace

template <>
inline constexpr std::tuple members<three>{member(&three::text), member(&three::number)};

namespace {

static_assert(count_members<three>() == 3);
static_assert(!lists_all<three>(), "a list without one of the members is not whole");

template <class T>
class members_of : public testing::Test {};
using registered = testing::Types<extension, allocation, worker, worker_settings, command, content>;
TYPED_TEST_SUITE(members_of, registered);

TYPED_TEST(members_of, are_listed_once) {
  std::set<const void *> places;
  const TypeParam thing;
  for_each_member(thing, [&](const auto &, const auto &value) {
    EXPECT_TRUE(places.insert(&value).second) << "after " << places.size() << " members";
  });
}

TYPED_TEST(members_of, count_in_a_comparison) {
  for_each_change<TypeParam>(
      [](const auto &, const TypeParam &other) { EXPECT_NE(other, TypeParam()); });
}

TYPED_TEST(members_of, are_the_columns_of_their_table) {
  std::vector<std::string> types;
  for (const row::column &c : row_of(changed<TypeParam>()).columns) types.push_back(c.type);
  EXPECT_EQ(types, column_types(table<TypeParam>));
}

TYPED_TEST(members_of, come_back_from_a_row) {
  for (TypeParam thing : {TypeParam(), changed<TypeParam>()}) {
    TypeParam back;
    catalog::from_row(row_of(thing), back);
    for_each_member(thing, [](const auto &m, auto &value) {
      if (m.has(no_column)) value = {};
    });
    EXPECT_EQ(back, thing);
  }
}

TYPED_TEST(members_of, have_a_column_each) {
  const row usual = row_of(TypeParam());
  std::size_t next = 0;
  for_each_change<TypeParam>([&](const auto &m, const TypeParam &other) {
    row r = row_of(other);
    if (!m.has(no_column)) {
      EXPECT_NE(r.columns.at(next), usual.columns.at(next)) << "column " << next;
      r.columns[next] = usual.columns[next];
      ++next;
    }
    EXPECT_EQ(r.columns, usual.columns);
  });
  EXPECT_EQ(next, usual.columns.size());
}

// ---- published registrations ------------------------------------------------------------------

template <class T>
registrations with(std::vector<T> registrations::*list, const T &thing) {
  registrations r;
  (r.*list).push_back(thing);
  return r;
}

template <class T>
void expect_encoded(std::vector<T> registrations::*list) {
  const registrations r = with(list, changed<T>());
  EXPECT_EQ(decode(encode(r)), r);
  for_each_change<T>([&](const auto &, const T &other) {
    EXPECT_NE(encode(with(list, other)), encode(with(list, T())));
  });
}

TEST(members, are_encoded) {
  expect_encoded(&registrations::extensions);
  expect_encoded(&registrations::allocations);
  expect_encoded(&registrations::workers);
  expect_encoded(&registrations::settings);
}

// ---- definition of a process ------------------------------------------------------------------

TEST(members, make_another_process_unless_they_are_not_of_it) {
  for_each_change<worker>([](const auto &m, const worker &other) {
    EXPECT_EQ(same_process(worker(), other), m.has(not_of_process));
  });
  worker bound;
  bind(bound, command());
  for_each_change<command>([&](const auto &m, const command &other) {
    EXPECT_EQ(is_bound(bound, other), m.has(not_of_process));
  });
}

TEST(members, of_a_command_make_the_digest_that_is_in_tables_already) {
  worker w;
  bind(w, {"e",
           "w",
           "select 1",
           1000,
           "jobs",
           "r",
           5000,
           {16384, 16385, true, false, true, "m", "10", "o"},
           true,
           "s"});
  EXPECT_STREQ(w.extra.data(),
               digest_of("8:select 14:jobs1:m1:s2:101:o1000:5000:16384:16385:tftt").c_str());
}

// ---- manifests --------------------------------------------------------------------------------

// Workers with a command, with a function, and of a library.
extension_manifest everything() {
  return manifests::read_one(R"({"dynpgext": 1, "extension": "queue",
    "allocations": [{"name": "a", "size": 8, "scope": "database", "initial": "x"},
                    {"name": "b", "size": 9, "scope": "global", "initial_hex": "00ff"}],
    "workers": [
      {"name": "c", "type": "t", "scope": "database", "command": "select 1", "interval": "2 s",
       "channel": "jobs", "run_as": "r", "atomic": false, "start": "consistent",
       "servers": "both", "restart": {"policy": "never", "delay": "3 s"}, "deadline": "4 s"},
      {"name": "d", "command": "select 1", "interval": "2 s", "first_run": "after_interval",
       "process": "own"},
      {"name": "f", "type": "t", "scope": "global", "library": "l", "function": "g",
       "connects": false, "argument": -1, "extra_hex": "0102", "notify": true,
       "start": "consistent", "servers": "standby", "deadline": "5 s",
       "restart": {"policy": "always", "delay": "6 s"}}],
    "settings": [{"worker": "c", "interval": "8 s"},
                 {"worker": "f", "enabled": false,
                  "restart": {"policy": "on_failure", "delay": "7 s"}}],
    "library": {"name": "l",
      "allocations": [{"name": "d", "size": 10, "scope": "database"}],
      "workers": [{"name": "h", "type": "t", "scope": "database", "library": "l", "function": "i",
                   "connects": false, "extra_hex": "03", "notify": true, "callback": true,
                   "start": "postmaster", "servers": "primary", "deadline": "8 s",
                   "restart": {"policy": "on_failure", "delay": "9 s"}}]}})");
}

// Each member of a manifest differs from its default in at least one of the things.
template <class T>
void expect_said(const std::vector<T> &things) {
  int number = 0;
  for_each_member(things.at(0), [&](const auto &m, const auto &) {
    ++number;
    if (!m.has(in_manifest)) return;
    EXPECT_TRUE(
        std::any_of(things.begin(), things.end(), [&](const T &t) { return m(t) != m(T()); }))
        << "member " << number << " of " << table<T>;
  });
}

TEST(members, of_a_manifest_come_back_from_it) {
  const extension_manifest e = everything();
  std::vector<allocation> allocations = e.library->allocations;
  std::vector<content> contents;
  for (const declared_allocation &a : e.allocations) {
    allocations.push_back(a.allocation);
    contents.push_back({a.allocation.extension, a.allocation.name, a.content});
  }
  std::vector<worker> workers = e.library->workers;
  std::vector<command> commands;
  for (const declared_worker &w : e.workers) {
    workers.push_back(w.worker);
    if (w.command) commands.push_back(*w.command);
  }
  expect_said(allocations);
  expect_said(contents);
  expect_said(workers);
  expect_said(commands);
  expect_said(std::vector{e.settings.at(0).settings, e.settings.at(1).settings});
  manifest m;
  m.extensions = {e};
  EXPECT_EQ(manifests::read_one(manifests::write(m)), e);
}

}  // namespace
}  // namespace dynpgext::model
