#include "model/encoding.h"

#include <cstring>
#include <type_traits>

namespace dynpgext::model {
namespace {

class writer {
 public:
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void operator()(const T &value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }
  void operator()(const std::string &text) {
    (*this)(static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
  }
  template <class T>
  void operator()(const std::optional<T> &value) {
    (*this)(value.has_value());
    (*this)(value.value_or(T{}));
  }
  template <class T>
  void list(const std::vector<T> &items) {
    (*this)(static_cast<std::uint32_t>(items.size()));
    for (const T &item : items)
      for_each_member(item, [this](const auto &, const auto &value) { (*this)(value); });
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class reader {
 public:
  explicit reader(std::span<const char> bytes) : rest_(bytes) {}
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void operator()(T &value) {
    if (const char *from = take(sizeof value)) std::memcpy(&value, from, sizeof value);
  }
  void operator()(std::string &text) {
    std::uint32_t size = 0;
    (*this)(size);
    if (const char *from = take(size)) text.assign(from, size);
  }
  template <class T>
  void operator()(std::optional<T> &value) {
    bool is_set = false;
    T content{};
    (*this)(is_set), (*this)(content);
    value = is_set ? std::optional<T>(content) : std::nullopt;
  }
  template <class T>
  void list(std::vector<T> &items) {
    std::uint32_t count = 0;
    (*this)(count);
    for (std::uint32_t i = 0; i < count && ok_; ++i)
      for_each_member(items.emplace_back(), [this](const auto &, auto &value) { (*this)(value); });
  }
  [[nodiscard]] bool finished() const { return ok_ && rest_.empty(); }

 private:
  const char *take(std::size_t size) {
    if (!ok_ || rest_.size() < size) {
      ok_ = false;
      return nullptr;
    }
    const char *from = rest_.data();
    rest_ = rest_.subspan(size);
    return from;
  }
  std::span<const char> rest_;
  bool ok_ = true;
};

}  // namespace

std::string encode(const registrations &from) {
  writer out;
  out.list(from.extensions);
  out.list(from.allocations);
  out.list(from.workers);
  out.list(from.settings);
  out(from.under_restore);
  return out.take();
}

std::optional<registrations> decode(std::span<const char> bytes) {
  reader in(bytes);
  registrations result;
  in.list(result.extensions);
  in.list(result.allocations);
  in.list(result.workers);
  in.list(result.settings);
  in(result.under_restore);
  if (!in.finished()) return std::nullopt;
  return result;
}

}  // namespace dynpgext::model
