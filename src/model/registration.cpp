#include "model/registration.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <string_view>
#include <tuple>

namespace dynpgext::model {
namespace {

constexpr std::array<const char *, 4> role_names{"by start time", "primary", "standby", "both"};

template <class Range, class Predicate>
auto find(const Range &range, Predicate matches) -> decltype(range.data()) {
  const auto found = std::find_if(range.begin(), range.end(), matches);
  return found == range.end() ? nullptr : &*found;
}

template <class T, class Predicate>
void copy_if(const std::vector<T> &from, std::vector<T> &to, Predicate matches) {
  std::copy_if(from.begin(), from.end(), std::back_inserter(to), matches);
}

// Of the extensions for which `matches` returns true.
template <class Predicate>
void copy_objects(const registrations &from, registrations &to, Predicate matches) {
  const auto belongs = [&](const auto &object) { return matches(object.extension); };
  copy_if(from.allocations, to.allocations, belongs);
  copy_if(from.workers, to.workers, belongs);
  copy_if(from.settings, to.settings, belongs);
}

}  // namespace

const char *name_of(server_role role) {
  const auto index = static_cast<std::size_t>(role);
  return index < role_names.size() ? role_names[index] : role_names[0];
}

server_role server_role_of(const std::string &name) {
  const auto found = std::find(role_names.begin(), role_names.end(), name);
  return found == role_names.end() ? server_role::by_start_time
                                   : static_cast<server_role>(found - role_names.begin());
}

bool same_process(const worker &a, const worker &b) {
  return std::apply(
      [&](const auto &...m) { return ((m.has(not_of_process) || m(a) == m(b)) && ...); },
      members<worker>);
}

const extension *registrations::find_extension(const std::string &name) const {
  return find(extensions, [&](const extension &e) { return e.name == name; });
}

const allocation *registrations::find_allocation(const std::string &name) const {
  return find(allocations, [&](const allocation &a) { return a.name == name; });
}

const worker *registrations::find_worker(const std::string &extension,
                                         const std::string &name) const {
  return find(workers, [&](const worker &w) { return w.extension == extension && w.name == name; });
}

const worker_settings *registrations::find_settings(const std::string &extension,
                                                    const std::string &worker) const {
  return find(settings, [&](const worker_settings &s) {
    return s.extension == extension && s.worker == worker;
  });
}

bool registrations::may_have_worker(const std::string &extension, const std::string &name,
                                    std::int64_t boot) const {
  if (find_worker(extension, name) != nullptr) return true;
  const model::extension *e = find_extension(extension);
  return e != nullptr && !e->library.empty() && !e->wanted(boot);
}

registrations registrations::wanted(std::int64_t boot) const {
  registrations result;
  std::set<std::string_view> names;
  for (const extension &e : extensions) {
    if (!e.wanted(boot)) continue;
    names.insert(e.name);
    result.extensions.push_back(e);
  }
  copy_objects(*this, result, [&](const std::string &name) { return names.count(name) != 0; });
  result.under_restore = under_restore;
  return result;
}

registrations registrations::without_objects_of(const std::set<std::string> &names) const {
  registrations result;
  result.extensions = extensions;
  copy_objects(*this, result, [&](const std::string &name) { return names.count(name) == 0; });
  result.under_restore = under_restore;
  return result;
}

registrations registrations::part_of(const std::string &extension) const {
  registrations result;
  if (const model::extension *e = find_extension(extension)) result.extensions.push_back(*e);
  copy_objects(*this, result, [&](const std::string &name) { return name == extension; });
  return result;
}

}  // namespace dynpgext::model
