/// Any state machine behind one type, so that the test kit is compiled once, and not for every
/// machine. It adds nothing to what a machine does: batches of a machine that takes none are its
/// commands one by one, its frozen state is a copy, and no time passes for one that has none.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "mainstay/node/frozen_state.hpp"
#include "mainstay/seams/state_machine.hpp"

namespace mainstay::simulation {

/// The functions of a state machine, with all that is optional.
class machine_functions {
 public:
  virtual ~machine_functions() = default;
  virtual result<shared_bytes> apply(const applied_command& command) = 0;
  virtual result<void> apply(std::span<const applied_command> commands,
                             std::span<shared_bytes> answers) = 0;
  virtual result<shared_bytes> query(const shared_bytes& request) = 0;
  virtual result<void> save(const snapshot_writer& writer) = 0;
  virtual result<mainstay::detail::state_saver> freeze() = 0;
  virtual result<void> restore(const snapshot_reader& reader) = 0;
  virtual void advance_time(log_time time) = 0;
  virtual std::optional<log_time> next_expiry() = 0;
};

namespace detail {

/// A machine with these functions.
template <state_machine Machine>
class functions_of final : public machine_functions {
 public:
  explicit functions_of(Machine machine) : machine_(std::move(machine)) {}

  result<shared_bytes> apply(const applied_command& command) override {
    return machine_.apply(command);
  }
  result<void> apply(std::span<const applied_command> commands,
                     std::span<shared_bytes> answers) override {
    if constexpr (batch_state_machine<Machine>) {
      return machine_.apply(commands, answers);
    } else {
      for (std::size_t i = 0; i < commands.size(); ++i) {
        auto answer = machine_.apply(commands[i]);
        if (!answer) return std::unexpected(answer.error());
        answers[i] = *std::move(answer);
      }
      return {};
    }
  }
  result<shared_bytes> query(const shared_bytes& request) override {
    return machine_.query(request);
  }
  result<void> save(const snapshot_writer& writer) override { return machine_.save(writer); }
  result<mainstay::detail::state_saver> freeze() override {
    return mainstay::detail::freeze(machine_);
  }
  result<void> restore(const snapshot_reader& reader) override { return machine_.restore(reader); }
  void advance_time(log_time time) override {
    if constexpr (timed_state_machine<Machine>) machine_.advance_time(time);
  }
  std::optional<log_time> next_expiry() override {
    if constexpr (timed_state_machine<Machine>) return machine_.next_expiry();
    return std::nullopt;
  }

 private:
  Machine machine_;
};

/// A frozen state that may fail to be one.
class frozen_functions {
 public:
  explicit frozen_functions(result<mainstay::detail::state_saver> save) : save_(std::move(save)) {}
  /// Once.
  result<void> save(const snapshot_writer& writer) {
    if (!save_) return std::unexpected(save_.error());
    return (*save_)(writer);
  }

 private:
  result<mainstay::detail::state_saver> save_;
};

/// The image that a machine, or a frozen state of one, saves.
template <class Saver>
result<std::string> image_of(Saver&& saver) {
  std::string image;
  auto saved = saver.save([&](std::span<const std::byte> piece) -> result<void> {
    image.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return {};
  });
  if (!saved) return std::unexpected(std::move(saved.error()));
  return image;
}

}  // namespace detail

/// A machine of any type. It satisfies every concept of state_machine.hpp.
class tested_machine {
 public:
  template <state_machine Machine>
    requires(!std::same_as<Machine, tested_machine>)
  explicit tested_machine(Machine machine)
      : functions_(std::make_unique<detail::functions_of<Machine>>(std::move(machine))) {}

  result<shared_bytes> apply(const applied_command& command) { return functions_->apply(command); }
  result<void> apply(std::span<const applied_command> commands, std::span<shared_bytes> answers) {
    return functions_->apply(commands, answers);
  }
  result<shared_bytes> query(const shared_bytes& request) { return functions_->query(request); }
  result<void> save(const snapshot_writer& writer) { return functions_->save(writer); }
  detail::frozen_functions freeze() { return detail::frozen_functions(functions_->freeze()); }
  result<void> restore(const snapshot_reader& reader) { return functions_->restore(reader); }
  void advance_time(log_time time) { functions_->advance_time(time); }
  std::optional<log_time> next_expiry() const { return functions_->next_expiry(); }

 private:
  std::unique_ptr<machine_functions> functions_;
};

}  // namespace mainstay::simulation
