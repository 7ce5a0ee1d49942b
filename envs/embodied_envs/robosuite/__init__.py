"""robosuite: robot arms with MuJoCo physics."""
