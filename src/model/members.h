// Each struct that is registered has one list of its members: members<T>, beside the struct.  The
// encoding, the table's rows, the comparison of processes and the digest of a command are made from
// the lists.  A list that lacks a member does not compile, see lists_all().
#pragma once

#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace dynpgext::model {

// How a member differs from most.  Without a trait, it has a column of the SQL type that follows
// from its C++ type, and a process has to be replaced when it changes.
enum trait : unsigned {
  name_column = 1,     // the column is of type name, not text
  oid_column = 2,      // the column is of type oid, not integer
  no_column = 4,       // the table has no such column
  not_of_process = 8,  // the process stays when it changes
  in_manifest = 16     // manifests have it, too
};

template <class Whole, class Value>
class member {
 public:
  constexpr explicit member(Value Whole::*at, unsigned traits = 0) : traits_(traits), at_(at) {}
  [[nodiscard]] constexpr bool has(trait t) const { return (traits_ & t) != 0; }
  constexpr const Value &operator()(const Whole &from) const { return from.*at_; }
  constexpr Value &operator()(Whole &from) const { return from.*at_; }

 private:
  unsigned traits_;
  Value Whole::*at_;
};

// A member of a member.
template <class Whole, class Outer, class Value>
class inner_member {
 public:
  constexpr inner_member(Outer Whole::*outer, Value Outer::*at, unsigned traits = 0)
      : traits_(traits), outer_(outer), at_(at) {}
  [[nodiscard]] constexpr bool has(trait t) const { return (traits_ & t) != 0; }
  constexpr const Value &operator()(const Whole &from) const { return from.*outer_.*at_; }
  constexpr Value &operator()(Whole &from) const { return from.*outer_.*at_; }

 private:
  unsigned traits_;
  Outer Whole::*outer_;
  Value Outer::*at_;
};

// In the order of the table's columns: their place in a row is that in the list.
template <class T>
inline constexpr std::tuple<> members;

// visit(member, value) for each of them.
template <class T, class Visit>
constexpr void for_each_member(T &thing, Visit visit) {
  std::apply([&](const auto &...m) { (visit(m, m(thing)), ...); }, members<std::remove_const_t<T>>);
}

// How many of a list lack the trait.
template <class... Members>
constexpr std::size_t count_without(const std::tuple<Members...> &list, trait t) {
  return std::apply([t](const auto &...m) { return (std::size_t{0} + ... + (m.has(t) ? 0 : 1)); },
                    list);
}

// ---- is a list whole? -----------------------------------------------------------------------

struct anything {
  template <class T>
  operator T() const;
};

// How many members a struct has: as many as it can be initialised with.
template <class T, class... Known>
consteval std::size_t count_members() {
  if constexpr (requires { T{std::declval<Known>()..., std::declval<anything>()}; })
    return count_members<T, Known..., anything>();
  else if constexpr (requires { T{std::declval<Known>()..., std::nullopt}; })
    return count_members<T, Known..., std::nullopt_t>();
  else
    return sizeof...(Known);
}

// Does its list have them all?  `Inner`: those of its members whose own members stand in their
// place.
template <class T, class... Inner>
consteval bool lists_all() {
  return std::tuple_size_v<std::remove_const_t<decltype(members<T>)>> ==
         count_members<T>() + (0 + ... + count_members<Inner>()) - sizeof...(Inner);
}

}  // namespace dynpgext::model
