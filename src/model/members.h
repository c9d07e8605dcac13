// Each registered struct has one list of its members: members<T>, beside the struct.  The encoding,
// the table's rows, the comparison of processes and the digest of a command are generated from the
// lists.  An incomplete list does not compile, see lists_all().
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace dynpgext::model {

// Special properties of a member.  Without a trait, it has a column of the SQL type of its C++
// type, and a change replaces the process.
enum trait : unsigned {
  name_column = 1,     // the column is of type name, not text
  oid_column = 2,      // the column is of type oid, not integer
  no_column = 4,       // the table has no such column
  not_of_process = 8,  // a change keeps the process
  in_manifest = 16     // also in manifests
};

// `Place` is a pointer to the member, or a function that returns it.
template <class Place>
class member {
 public:
  constexpr explicit member(Place place, unsigned traits = 0) : traits_(traits), place_(place) {}
  [[nodiscard]] constexpr bool has(trait t) const { return (traits_ & t) != 0; }
  template <class Whole>
  constexpr auto &operator()(Whole &&whole) const {
    return std::invoke(place_, whole);
  }

 private:
  unsigned traits_;
  Place place_;
};

// In the order of the table's columns: the index is the position in the row.
template <class T>
inline constexpr std::tuple<> members;

// visit(member, value) for each of them.
template <class T, class Visit>
constexpr void for_each_member(T &thing, Visit visit) {
  std::apply([&](const auto &...m) { (visit(m, m(thing)), ...); }, members<std::remove_const_t<T>>);
}

// Number of members in a list without the trait.
template <class... Members>
constexpr std::size_t count_without(const std::tuple<Members...> &list, trait t) {
  return std::apply([t](const auto &...m) { return (std::size_t{0} + ... + (m.has(t) ? 0 : 1)); },
                    list);
}

// ---- completeness of lists ------------------------------------------------------------------

struct anything {
  template <class T>
  operator T() const;
};

// Number of members of a struct: the maximum number of its initialisers.
template <class T, class... Known>
consteval std::size_t count_members() {
  if constexpr (requires { T{std::declval<Known>()..., std::declval<anything>()}; })
    return count_members<T, Known..., anything>();
  else if constexpr (requires { T{std::declval<Known>()..., std::nullopt}; })
    return count_members<T, Known..., std::nullopt_t>();
  else
    return sizeof...(Known);
}

// Does its list have them all?  `Inner`: its members that are replaced with their own members.
template <class T, class... Inner>
consteval bool lists_all() {
  return std::tuple_size_v<std::remove_const_t<decltype(members<T>)>> ==
         count_members<T>() + (0 + ... + count_members<Inner>()) - sizeof...(Inner);
}

}  // namespace dynpgext::model
