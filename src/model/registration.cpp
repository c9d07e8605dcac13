#include "model/registration.h"

#include <algorithm>

namespace dynpgext::model {
namespace {

template <class Range, class Predicate>
auto find(const Range &range, Predicate matches) -> decltype(range.data()) {
  const auto found = std::find_if(range.begin(), range.end(), matches);
  return found == range.end() ? nullptr : &*found;
}

}  // namespace

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

registrations registrations::wanted(std::int64_t boot) const {
  registrations result;
  const auto is_wanted = [&](const std::string &name) {
    const extension *e = find_extension(name);
    return e != nullptr && e->wanted(boot);
  };
  for (const extension &e : extensions)
    if (e.wanted(boot)) result.extensions.push_back(e);
  for (const allocation &a : allocations)
    if (is_wanted(a.extension)) result.allocations.push_back(a);
  for (const worker &w : workers)
    if (is_wanted(w.extension)) result.workers.push_back(w);
  return result;
}

}  // namespace dynpgext::model
