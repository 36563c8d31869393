"""A search space whose networks fit a tiny picture within a second."""

SPACE = """\
format: dipsearch/space/1
genes:
  depth: {int: [1, 2]}
  channels_down: {choice: [4, 8], shared: true}
  channels_up: {same_as: channels_down}
  channels_skip: {choice: [0, 2], shared: true}
  upsampling: {choice: [nearest, bilinear]}
  input_channels: {choice: [2, 4]}
  learning_rate: {float: [0.01, 0.03], log: true}
"""
