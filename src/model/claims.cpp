#include "model/claims.h"

#include <algorithm>

namespace dynpgext::model {
namespace {

// A process waits for one allocation at a time; all its claims have it.
const claim *waiting_claim(std::span<const claim> all, int process) {
  const auto found = std::find_if(all.begin(), all.end(), [process](const claim &c) {
    return c.process == process && !c.awaited.empty();
  });
  return found == all.end() ? nullptr : &*found;
}

const claim *awaited_claim(std::span<const claim> all, const claim &by) {
  const auto found = std::find_if(all.begin(), all.end(), [&by](const claim &c) {
    return c.home == by.awaited_home && c.name == by.awaited;
  });
  return found == all.end() ? nullptr : &*found;
}

// The claim as awaited by the previous process: a process may have several.
claim as_link(const claim &made, const claim &waits) {
  claim link = waits;
  link.home = made.home;
  link.name = made.name;
  return link;
}

}  // namespace

std::vector<claim> find_circle(std::span<const claim> all, int process) {
  const claim *waits = waiting_claim(all, process);
  std::vector<claim> path;
  while (waits != nullptr && path.size() <= all.size()) {
    const claim *made = awaited_claim(all, *waits);
    if (made == nullptr) return {};
    if (made->process == process) {
      // the first one makes what the last one waits for
      path.insert(path.begin(), as_link(*made, *waiting_claim(all, process)));
      return path;
    }
    const claim *next = waiting_claim(all, made->process);
    if (next == nullptr) return {};
    path.push_back(as_link(*made, *next));
    waits = next;
  }
  return {};
}

}  // namespace dynpgext::model
