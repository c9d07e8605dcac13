// One row of a table to a value and back: a column for each member in the value's list.  `Values`
// is pg::values and `Row` is pg::row; unit tests have their own, because they have no server.
#pragma once

#include <algorithm>
#include <concepts>
#include <optional>
#include <string>

#include "model/command.h"
#include "model/registration.h"

namespace dynpgext::catalog {

// The tables' constraints allow no other names.
inline void parse(const std::string &name, model::scope &into) {
  into = name == name_of(model::scope::global) ? model::scope::global : model::scope::database;
}
inline void parse(const std::string &name, model::restart_policy &into) {
  into = model::restart_policy_of(name).value_or(model::restart_policy::never);
}
inline void parse(const std::string &name, model::server_role &into) {
  into = model::server_role_of(name);
}

// A table of 0.1.0 has none: shared.
inline void parse(const std::string &name, model::worker_process &into) {
  using enum model::worker_process;
  into = name == name_of(own) ? own : shared;
}

template <class Values, class Member, class Value>
void put(Values &row, const Member &m, const Value &value) {
  if constexpr (std::same_as<Value, std::string>)
    m.has(model::name_column) ? row.name(value) : row.text(value);
  else if constexpr (std::same_as<Value, bool>)
    row.boolean(value);
  else if constexpr (std::same_as<Value, std::uint32_t>)
    m.has(model::oid_column) ? row.oid(value) : row.integer(static_cast<std::int32_t>(value));
  else if constexpr (std::integral<Value>)
    row.bigint(static_cast<std::int64_t>(value));
  else if constexpr (std::is_enum_v<Value>)
    row.text(name_of(value));
  else
    row.text({value.data(), value.size()});  // a bytea, which has the layout of a text
}

// DBAs' settings: durations are readable.
template <class Values, class Member, class Value>
void put(Values &row, const Member &m, const std::optional<Value> &value) {
  if (!value)
    row.null();
  else if constexpr (std::same_as<Value, std::int64_t>)
    row.interval(*value);
  else
    put(row, m, *value);
}

template <class Row, class Member, class Value>
void get(const Row &row, int column, const Member &m, Value &into) {
  if constexpr (std::same_as<Value, std::string>) {
    into = m.has(model::name_column) ? row.name(column) : row.text(column);
  } else if constexpr (std::same_as<Value, bool>) {
    into = row.boolean(column);
  } else if constexpr (std::same_as<Value, std::uint32_t>) {
    into = m.has(model::oid_column) ? row.oid(column)
                                    : static_cast<std::uint32_t>(row.integer(column));
  } else if constexpr (std::integral<Value>) {
    into = static_cast<Value>(row.bigint(column));
  } else if constexpr (std::is_enum_v<Value>) {
    parse(row.text(column), into);
  } else {
    const std::string bytes = row.text(column);
    std::copy_n(bytes.begin(), std::min(bytes.size(), into.size()), into.begin());
  }
}

template <class Row, class Member, class Value>
void get(const Row &row, int column, const Member &m, std::optional<Value> &into) {
  if (row.is_null(column)) return;
  if constexpr (std::same_as<Value, std::int64_t>)
    into = row.interval(column);
  else
    get(row, column, m, into.emplace());
}

template <class T, class Values>
void to_row(const T &from, Values &row) {
  model::for_each_member(from, [&](const auto &m, const auto &value) {
    if (!m.has(model::no_column)) put(row, m, value);
  });
}

template <class Row, class T>
void from_row(const Row &row, T &into) {
  int column = 0;
  model::for_each_member(into, [&](const auto &m, auto &value) {
    if (!m.has(model::no_column)) get(row, column++, m, value);
  });
}

}  // namespace dynpgext::catalog
