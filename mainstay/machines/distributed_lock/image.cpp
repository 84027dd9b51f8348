#include <utility>

#include "mainstay/machines/distributed_lock/distributed_lock.hpp"
#include "mainstay/seams/machine_image.hpp"

namespace mainstay {

namespace {

constexpr std::string_view kind_of_image = "distributed_lock";

}  // namespace

result<void> distributed_lock::save(const snapshot_writer& writer) const {
  image_writer image(writer, kind_of_image, 1);
  const auto put = [&](const claim& c) {
    image.text(c.owner);
    image.number(c.milliseconds);
    image.number(static_cast<std::uint64_t>(c.until.microseconds));
  };
  image.number(static_cast<std::uint64_t>(now_.microseconds));
  image.number(last_token_);
  image.number(locks_.size());
  for (const auto& [name, l] : locks_) {
    image.text(name);
    image.number(l.token);
    put(l.holder);
    image.number(l.queue.size());
    for (const auto& waiting : l.queue) put(waiting);
  }
  return image.finish();
}

result<void> distributed_lock::restore(const snapshot_reader& reader) {
  image_reader image(reader, kind_of_image, 1);
  const auto take = [&] {
    claim c{.owner = image.text(longest_name)};
    c.milliseconds = image.number();
    c.until.microseconds = static_cast<std::int64_t>(image.number());
    return c;
  };
  distributed_lock saved;
  saved.now_.microseconds = static_cast<std::int64_t>(image.number());
  saved.last_token_ = image.number();
  for (auto left = image.number(); image.is_sound() && left > 0; --left) {
    const auto [it, is_new] = saved.locks_.try_emplace(image.text(longest_name));
    if (!is_new) image.refuse("a lock is there twice");
    it->second.token = image.number();
    saved.hold(it, take());
    for (auto waiting = image.number(); image.is_sound() && waiting > 0; --waiting) {
      it->second.queue.push_back(take());
    }
  }
  if (image.is_sound()) *this = std::move(saved);
  return image.outcome();
}

}  // namespace mainstay
