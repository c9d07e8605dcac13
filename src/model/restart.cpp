#include "model/restart.h"

#include <algorithm>
#include <array>

namespace dynpgext::model {
namespace {

constexpr std::array<std::string_view, 3> policy_names{"never", "on_failure", "always"};

// Shorter delays grow from this value: a worker that ends at once must not use up a processor.
constexpr std::int64_t shortest_doubled = 50;
constexpr double most_shortened = 0.25;

}  // namespace

std::string_view name_of(restart_policy policy) {
  const auto index = static_cast<std::size_t>(policy);
  return index < policy_names.size() ? policy_names[index] : "unknown";
}

std::optional<restart_policy> restart_policy_of(std::string_view name) {
  for (std::size_t i = 0; i < policy_names.size(); ++i)
    if (policy_names[i] == name) return static_cast<restart_policy>(i);
  return std::nullopt;
}

bool restarts(restart_policy policy, bool failed) {
  return policy == restart_policy::always || (policy == restart_policy::on_failure && failed);
}

bool is_healthy(std::int64_t ran, std::int64_t longest_delay) { return ran >= longest_delay; }

std::int64_t restart_delay(const worker_terms &terms, std::uint32_t unhealthy_runs,
                           std::int64_t longest_delay, double chance) {
  std::int64_t delay = terms.restart_delay;
  const std::int64_t bound = std::max(longest_delay, delay);
  if (unhealthy_runs > 0) delay = std::max(delay, shortest_doubled);
  for (std::uint32_t i = 0; i < unhealthy_runs && delay < bound; ++i) delay *= 2;
  delay = std::min(delay, bound);
  const double kept = 1.0 - most_shortened * std::clamp(chance, 0.0, 1.0);
  return static_cast<std::int64_t>(static_cast<double>(delay) * kept);
}

}  // namespace dynpgext::model
