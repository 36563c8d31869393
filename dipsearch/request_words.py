"""The words of a request: who proposes candidates, what networks begin from, in which order known ones are tried."""

from __future__ import annotations

from typing import Literal, get_args

SamplerWord = Literal["pilot", "genetic", "tpe", "random"]
SAMPLERS: tuple[SamplerWord, ...] = get_args(SamplerWord)

StartWord = Literal["auto", "warm", "cold"]
STARTS: tuple[StartWord, ...] = get_args(StartWord)

OrderWord = Literal["auto", "fixed", "similar"]
ORDERS: tuple[OrderWord, ...] = get_args(OrderWord)
