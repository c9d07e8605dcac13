#include "shared/text.h"

namespace dynpgext::state {

std::string_view view(const shared &s, const shared_text &text) {
  if (text.size == 0) return {};
  return {pg::address<char>(s.area, text.bytes), text.size};
}

void assign(const shared &s, shared_text &text, std::string_view value) {
  if (view(s, text) == value) return;
  shared_text made{};
  if (!value.empty()) {
    dsa_area *area = s.area;
    const size_t size = value.size();
    made.bytes =
        pg::with_segments([=] { return pg::call([=] { return dsa_allocate(area, size); }); });
    made.size = static_cast<uint32>(size);
    std::memcpy(pg::address<char>(area, made.bytes), value.data(), size);
  }
  move(s, made, text);
}

void assign_if_possible(const shared &s, shared_text &text, std::string_view value) {
  try {
    assign(s, text, value);
  } catch (const pg::error &) {
    clear(s, text);
  }
}

void clear(const shared &s, shared_text &text) {
  if (text.size > 0) pg::release(s.area, text.bytes);
  text = {};
}

void move(const shared &s, shared_text &from, shared_text &to) {
  clear(s, to);
  to = std::exchange(from, {});
}

}  // namespace dynpgext::state
